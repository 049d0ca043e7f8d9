"""The names of a Windows event's own data, for shapes that send its values alone: Fluent Bit (`StringInserts`), fluentd
(`EventData`), Get-WinEvent (`Properties`).

The order is that of the event's template: Microsoft, "Advanced security audit policy settings" (the XML of each event), Sysmon's
schema (`Sysmon.exe -s`), the manifests of PowerShell and the service control manager. `|`: where an older version of it ends.
Where the number of values fits no version they stay param1, param2, ..., as winlogbeat has them.
"""

from collections.abc import Iterator, Sequence
from typing import Any

_SUBJECT = "SubjectUserSid SubjectUserName SubjectDomainName SubjectLogonId"
_TARGET = "TargetUserName TargetDomainName TargetSid"
_SESSION = "TargetUserSid TargetUserName TargetDomainName TargetLogonId"
_ACCOUNT = (
    "PrivilegeList SamAccountName DisplayName UserPrincipalName HomeDirectory HomePath ScriptPath ProfilePath UserWorkstations"
    " PasswordLastSet AccountExpires PrimaryGroupId AllowedToDelegateTo OldUacValue NewUacValue UserAccountControl UserParameters"
    " SidHistory LogonHours"
)
_LOGON = (
    f"{_SUBJECT} {_SESSION} LogonType LogonProcessName AuthenticationPackageName WorkstationName LogonGuid TransmittedServices"
    " LmPackageName KeyLength ProcessId ProcessName IpAddress IpPort"
)
_OUTBOUND = "TargetOutboundUserName TargetOutboundDomainName VirtualAccount TargetLinkedLogonId ElevatedToken"
_CLIENT = "| ClientProcessStartKey ClientProcessId ParentProcessId RpcCallClientLocality FQDN"
_PROCESS = "RuleName UtcTime ProcessGuid ProcessId"
_DELETED = f"{_PROCESS} User Image TargetFilename Hashes"

_TEMPLATES: dict[str, dict[str, tuple[str, ...]]] = {
    "Microsoft-Windows-Security-Auditing": {
        "4624": (
            f"{_LOGON} | ImpersonationLevel | RestrictedAdminMode {_OUTBOUND}",
            f"{_LOGON} ImpersonationLevel RestrictedAdminMode RemoteCredentialGuard {_OUTBOUND}",
        ),
        "4625": (
            f"{_SUBJECT} TargetUserSid TargetUserName TargetDomainName Status FailureReason SubStatus LogonType LogonProcessName"
            " AuthenticationPackageName WorkstationName TransmittedServices LmPackageName KeyLength ProcessId ProcessName"
            " IpAddress IpPort",
        ),
        "4627": (f"{_SUBJECT} {_SESSION} LogonType EventIdx EventCountTotal GroupMembership",),
        "4634": (f"{_SESSION} LogonType",),
        "4647": (_SESSION,),
        "4648": (
            f"{_SUBJECT} LogonGuid TargetUserName TargetDomainName TargetLogonGuid TargetServerName TargetInfo ProcessId"
            " ProcessName IpAddress IpPort",
        ),
        "4656": (
            f"{_SUBJECT} ObjectServer ObjectType ObjectName HandleId TransactionId AccessList AccessReason AccessMask"
            " PrivilegeList RestrictedSidCount ProcessId ProcessName | ResourceAttributes",
        ),
        "4657": (
            f"{_SUBJECT} ObjectName ObjectValueName HandleId OperationType OldValueType OldValue NewValueType NewValue ProcessId"
            " ProcessName",
        ),
        "4658": (f"{_SUBJECT} ObjectServer HandleId ProcessId ProcessName",),
        "4660": (f"{_SUBJECT} ObjectServer HandleId ProcessId ProcessName TransactionId",),
        "4661": (
            f"{_SUBJECT} ObjectServer ObjectType ObjectName HandleId TransactionId AccessList AccessReason AccessMask"
            " PrivilegeList Properties RestrictedSidCount ProcessId ProcessName",
        ),
        "4662": (
            f"{_SUBJECT} ObjectServer ObjectType ObjectName OperationType HandleId AccessList AccessMask Properties"
            " AdditionalInfo AdditionalInfo2",
        ),
        "4663": (
            f"{_SUBJECT} ObjectServer ObjectType ObjectName HandleId AccessList AccessMask ProcessId ProcessName |"
            " ResourceAttributes",
        ),
        "4670": (f"{_SUBJECT} ObjectServer ObjectType ObjectName HandleId OldSd NewSd ProcessId ProcessName",),
        "4672": (f"{_SUBJECT} PrivilegeList",),
        "4673": (f"{_SUBJECT} ObjectServer Service PrivilegeList ProcessId ProcessName",),
        "4674": (f"{_SUBJECT} ObjectServer ObjectType ObjectName HandleId AccessMask PrivilegeList ProcessId ProcessName",),
        "4688": (
            f"{_SUBJECT} NewProcessId NewProcessName TokenElevationType ProcessId | CommandLine | {_SESSION} ParentProcessName"
            " MandatoryLabel",
        ),
        "4689": (f"{_SUBJECT} Status ProcessId ProcessName",),
        "4690": (f"{_SUBJECT} SourceHandleId SourceProcessId TargetHandleId TargetProcessId",),
        "4697": (
            f"{_SUBJECT} ServiceName ServiceFileName ServiceType ServiceStartType ServiceAccount | ClientProcessStartKey"
            " ClientProcessId ParentProcessId",
        ),
        "4698,4699,4700,4701": (f"{_SUBJECT} TaskName TaskContent {_CLIENT}",),
        "4702": (f"{_SUBJECT} TaskName TaskContentNew {_CLIENT}",),
        "4703": (f"{_SUBJECT} {_SESSION} ProcessName ProcessId EnabledPrivilegeList DisabledPrivilegeList",),
        "4719": (f"{_SUBJECT} CategoryId SubcategoryId SubcategoryGuid AuditPolicyChanges",),
        "4720": (f"{_TARGET} {_SUBJECT} {_ACCOUNT}",),
        "4722,4724,4725,4740,4767": (f"{_TARGET} {_SUBJECT}",),
        "4723,4726,4730,4734,4743,4758": (f"{_TARGET} {_SUBJECT} PrivilegeList",),
        "4727,4731,4735,4737,4754,4755": (f"{_TARGET} {_SUBJECT} PrivilegeList SamAccountName SidHistory",),
        "4728,4729,4732,4733,4756,4757": (f"MemberName MemberSid {_TARGET} {_SUBJECT} PrivilegeList",),
        "4738": (f"Dummy {_TARGET} {_SUBJECT} {_ACCOUNT}",),
        "4741": (f"{_TARGET} {_SUBJECT} {_ACCOUNT} DnsHostName ServicePrincipalNames",),
        "4742": (f"ComputerAccountChange {_TARGET} {_SUBJECT} {_ACCOUNT} DnsHostName ServicePrincipalNames",),
        "4768": (
            f"{_TARGET} ServiceName ServiceSid TicketOptions Status TicketEncryptionType PreAuthType IpAddress IpPort"
            " CertIssuerName CertSerialNumber CertThumbprint",
        ),
        "4769": (
            "TargetUserName TargetDomainName ServiceName ServiceSid TicketOptions TicketEncryptionType IpAddress IpPort Status"
            " LogonGuid TransmittedServices",
        ),
        "4771": (
            "TargetUserName TargetSid ServiceName TicketOptions Status PreAuthType IpAddress IpPort CertIssuerName"
            " CertSerialNumber CertThumbprint",
        ),
        "4776": ("PackageName TargetUserName Workstation Status",),
        "4778,4779": ("AccountName AccountDomain LogonID SessionName ClientName ClientAddress",),
        "4781": (f"OldTargetUserName NewTargetUserName TargetDomainName TargetSid {_SUBJECT} PrivilegeList",),
        "4797": (f"{_SUBJECT} Workstation TargetUserName TargetDomainName",),
        "4798,4799": (f"{_TARGET} {_SUBJECT} CallerProcessId CallerProcessName",),
        "4800,4801,4802,4803": (f"{_SESSION} SessionId",),
        "5136": (
            f"OpCorrelationID AppCorrelationID {_SUBJECT} DSName DSType ObjectDN ObjectGUID ObjectClass AttributeLDAPDisplayName"
            " AttributeSyntaxOID AttributeValue OperationType",
        ),
        "5137": (f"OpCorrelationID AppCorrelationID {_SUBJECT} DSName DSType ObjectDN ObjectGUID ObjectClass",),
        "5140": (f"{_SUBJECT} ObjectType IpAddress IpPort ShareName ShareLocalPath AccessMask AccessList",),
        "5145": (
            f"{_SUBJECT} ObjectType IpAddress IpPort ShareName ShareLocalPath RelativeTargetName AccessMask AccessList"
            " AccessReason",
        ),
        "5156,5157": (
            "ProcessID Application Direction SourceAddress SourcePort DestAddress DestPort Protocol FilterRTID LayerName"
            " LayerRTID | RemoteUserID RemoteMachineID",
        ),
        "5379": (
            f"{_SUBJECT} TargetName Type CountOfCredentialsReturned ReadOperation ReturnCode ProcessCreationTime ClientProcessId",
        ),
        "5154,5158": ("ProcessId Application SourceAddress SourcePort Protocol FilterRTID LayerName LayerRTID",),
    },
    "Microsoft-Windows-Sysmon": {
        "1": (
            f"{_PROCESS} Image FileVersion Description Product Company OriginalFileName CommandLine CurrentDirectory User"
            " LogonGuid LogonId TerminalSessionId IntegrityLevel Hashes ParentProcessGuid ParentProcessId ParentImage"
            " ParentCommandLine | ParentUser",
        ),
        "2": (f"{_PROCESS} Image TargetFilename CreationUtcTime PreviousCreationUtcTime | User",),
        "3": (
            f"{_PROCESS} Image User Protocol Initiated SourceIsIpv6 SourceIp SourceHostname SourcePort SourcePortName"
            " DestinationIsIpv6 DestinationIp DestinationHostname DestinationPort DestinationPortName",
        ),
        "4": ("UtcTime State Version SchemaVersion",),
        "5": (f"{_PROCESS} Image | User",),
        "6": ("RuleName UtcTime ImageLoaded Hashes Signed Signature SignatureStatus",),
        "7": (
            f"{_PROCESS} Image ImageLoaded FileVersion Description Product Company OriginalFileName Hashes Signed Signature"
            " SignatureStatus | User",
        ),
        "8": (
            "RuleName UtcTime SourceProcessGuid SourceProcessId SourceImage TargetProcessGuid TargetProcessId TargetImage"
            " NewThreadId StartAddress StartModule StartFunction | SourceUser TargetUser",
        ),
        "9": (f"{_PROCESS} Image Device | User",),
        "10": (
            "RuleName UtcTime SourceProcessGUID SourceProcessId SourceThreadId SourceImage TargetProcessGUID TargetProcessId"
            " TargetImage GrantedAccess CallTrace | SourceUser TargetUser",
        ),
        "11": (f"{_PROCESS} Image TargetFilename CreationUtcTime | User",),
        "12": ("RuleName EventType UtcTime ProcessGuid ProcessId Image TargetObject | User",),
        "13": ("RuleName EventType UtcTime ProcessGuid ProcessId Image TargetObject Details | User",),
        "14": ("RuleName EventType UtcTime ProcessGuid ProcessId Image TargetObject NewName | User",),
        "15": (f"{_PROCESS} Image TargetFilename CreationUtcTime Hash | Contents | User",),
        "16": ("UtcTime Configuration ConfigurationFileHash",),
        "17,18": ("RuleName EventType UtcTime ProcessGuid ProcessId PipeName Image | User",),
        "19": ("RuleName EventType UtcTime Operation User EventNamespace Name Query",),
        "20": ("RuleName EventType UtcTime Operation User Name Type Destination",),
        "21": ("RuleName EventType UtcTime Operation User Consumer Filter",),
        "22": (f"{_PROCESS} QueryName QueryStatus QueryResults Image | User",),
        "23": (f"{_DELETED} IsExecutable Archived",),
        "24": (f"{_PROCESS} Image Session ClientInfo Hashes Archived | User",),
        "25": (f"{_PROCESS} Image Type | User",),
        "26,28": (f"{_DELETED} IsExecutable",),
        "27,29": (_DELETED,),
        "255": ("UtcTime ID Description",),
    },
    "Microsoft-Windows-PowerShell": {
        "4103": ("ContextInfo UserData Payload",),
        "4104": ("MessageNumber MessageTotal ScriptBlockText ScriptBlockId Path",),
    },
    "Service Control Manager": {"7045": ("ServiceName ImagePath ServiceType StartType AccountName",)},
}


def _versions() -> Iterator[tuple[tuple[str, str, int], tuple[str, ...]]]:
    for provider, events in _TEMPLATES.items():
        for ids, templates in events.items():
            for template in templates:
                parts = [part.split() for part in template.split("|")]
                for end in range(1, len(parts) + 1):
                    names = tuple(name for part in parts[:end] for name in part)
                    for event_id in ids.split(","):
                        yield (provider, event_id, len(names)), names


_NAMES = dict(_versions())
"""By provider, id of the event and number of values."""


def named(provider: Any, event_id: Any, values: Sequence[Any]) -> dict[str, Any]:
    """The values by their names; by param1, param2, ... where nobody knows them."""
    names = _NAMES.get((str(provider), str(event_id), len(values)))
    if names is None:
        return {f"param{i}": value for i, value in enumerate(values, 1)}
    return dict(zip(names, values, strict=True))
