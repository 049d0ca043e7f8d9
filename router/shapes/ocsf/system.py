"""OCSF category 1, System Activity: files, processes, modules, registry, services, jobs. All need a device; most an actor."""

from router.shapes import words
from router.shapes.ocsf import classes, windows
from router.shapes.ocsf.classes import Class, Made
from router.shapes.ocsf.objects import Object, device, file, module_file, process, user
from router.shapes.reading import Reading, integer, text, texts


def actor(r: Reading, *, parent: bool = False) -> Object | None:
    """Who did it: the process (or, for a launch, the one above it) and the user."""
    found: Object = {}
    if (doer := process(r, "process.parent" if parent else "process", parents=not parent)) is not None:
        found["process"] = doer
    if (account := user(r, "user", "user.effective")) is not None:
        found["user"] = account
    return found or None


def on_device(r: Reading, of: Class, activity: int, attributes: Object, *, doer: Object | None) -> Made | None:
    """The event, if machine and actor are known."""
    machine = device(r, "host", "observer")
    if machine is None or doer is None:
        return None
    return Made(of, activity, {**attributes, "device": machine, "actor": doer})


_FILE_TYPES = (("deletion", 4), ("creation", 1), ("access", 2), ("change", 3))
_FILE_WORDS = (("renam move", 5), ("mount", 12), ("unmount", 13), ("attribut", 6), ("permission acl owner chmod chown", 7))


def files(r: Reading) -> Made | None:
    """file_activity."""
    subject = file(r)
    if subject is None:
        return None
    activity = words.told(words.action(r), _FILE_WORDS, 0) or words.by_type(r, _FILE_TYPES, 99 if r.get("event.action") else 0)
    return on_device(r, classes.FILE, activity, {"file": subject}, doer=actor(r))


_PROCESS_TYPES = (("start", 1), ("end", 2), ("access", 3))


def processes(r: Reading) -> Made | None:
    """process_activity. What a process does to another one has that one as its subject."""
    if (other := windows.target_process(r)) is not None:
        activity = 4 if "thread" in words.split(str(r.get("winlog.event_data.EventType") or "")) else windows.process_activity(r)
        return on_device(r, classes.PROCESS, activity, {"process": other}, doer=actor(r))
    subject = process(r)
    if subject is None:
        return None
    activity = words.by_type(r, _PROCESS_TYPES, 99 if r.get("event.action") else 0)
    doer = actor(r, parent=True)
    if activity == 2 and doer is None:
        doer = {"process": {name: subject[name] for name in ("pid", "uid", "name") if name in subject}}
    attributes: Object = {"process": subject}
    if activity == 2 and (code := r.take("process.exit_code", integer)) is not None:
        attributes["exit_code"] = code
    return on_device(r, classes.PROCESS, activity, attributes, doer=doer)


def modules(r: Reading) -> Made | None:
    """module_activity: a library that a process has loaded."""
    if r.get("dll") is None:
        return None
    loaded = module_file(r)
    if loaded is None:
        return None
    attributes = {"module": {"file": loaded, "load_type_id": 0}}
    return on_device(r, classes.MODULE, 2 if "unload" in words.action(r) else 1, attributes, doer=actor(r))


def drivers(r: Reading) -> Made | None:
    """kernel_extension_activity."""
    loaded = module_file(r)
    if loaded is None:
        return None
    activity = 2 if words.names(r, "event.type") & {"end", "deletion"} else 1
    return on_device(r, classes.KERNEL_EXTENSION, activity, {"driver": {"file": loaded}}, doer=actor(r))


_KEY_TYPES = (("creation", 1), ("access", 2), ("deletion", 4), ("change", 3))
_VALUE_TYPES = (("creation", 2), ("access", 1), ("deletion", 4), ("change", 2))


def registry(r: Reading) -> Made | None:
    """registry_value_activity where a value is named, else registry_key_activity."""
    path = r.first(("registry.path", "registry.key"), text)
    if path is None:
        return None
    r.used("registry.hive", "registry.key")
    name = r.take("registry.value", text)
    if name is None:
        return on_device(r, classes.REGISTRY_KEY, words.by_type(r, _KEY_TYPES, 0), {"reg_key": {"path": path}}, doer=actor(r))
    value: Object = {"path": path, "name": name}
    if (strings := r.take("registry.data.strings", texts)) is not None:
        value |= {"data": strings[0]} if len(strings) == 1 else {"reg_string_list_data": strings}
    if (kind := r.take("registry.data.type", text)) is not None:
        value |= {"type": kind, "type_id": windows.VALUE_TYPES.get(kind.upper(), 99)}
    return on_device(r, classes.REGISTRY_VALUE, words.by_type(r, _VALUE_TYPES, 0), {"reg_value": value}, doer=actor(r))


def scripts(r: Reading) -> Made | None:
    """script_activity: a PowerShell script block."""
    content = r.take("powershell.file.script_block_text", text) or r.take("winlog.event_data.ScriptBlockText", text)
    if content is None:
        return None
    script: Object = {"script_content": {"value": content}, "type_id": 2, "type": "PowerShell"}
    if (uid := r.first(("powershell.file.script_block_id", "winlog.event_data.ScriptBlockId"), text)) is not None:
        script["uid"] = uid
    if (held := file(r)) is not None:
        script["file"] = held
    return on_device(r, classes.SCRIPT, 1, {"script": script}, doer=actor(r) or windows.writer(r))


_SERVICE_WORDS = (("install creat", 1), ("start running", 3), ("stop", 4), ("pause", 5), ("delet remov", 7), ("chang updat", 2))
_SERVICE_TYPES = (("creation", 1), ("deletion", 7), ("start", 3), ("end", 4), ("change", 2))


def services(r: Reading) -> Made | None:
    """windows_service_activity."""
    found = windows.service(r)
    if found is None:
        return None
    types = words.by_type(r, _SERVICE_TYPES, 0)
    activity = words.told(words.action(r), _SERVICE_WORDS, types)
    return on_device(r, classes.SERVICE, activity, {"win_service": found}, doer=actor(r) or windows.writer(r))


_JOB_WORDS = (("creat", 1), ("updat chang", 2), ("delet remov", 3), ("enabl", 4), ("disabl", 5), ("start", 6))


def jobs(r: Reading) -> Made | None:
    """scheduled_job_activity; an actor is welcome, not needed."""
    job = windows.job(r)
    machine = device(r, "host", "observer") if job is not None else None
    if job is None or machine is None:
        return None
    attributes: Object = {"job": job, "device": machine}
    if (doer := actor(r)) is not None:
        attributes["actor"] = doer
    return Made(classes.JOB, words.told(words.action(r), _JOB_WORDS, 99), attributes)


def event_logs(r: Reading) -> Made | None:
    """event_log_activity: a Windows log was cleared."""
    if r.get("event.action") not in ("audit-log-cleared", "event-log-cleared", "log-cleared"):
        return None
    channel = r.get("winlog.channel")
    provider = r.get("event.provider")
    if not text(channel) and not text(provider):
        return None
    attributes: Object = {"log_type_id": 1, "log_type": "OS"}
    attributes |= {k: v for k, v in (("log_name", text(channel)), ("log_provider", text(provider))) if v}
    if (machine := device(r, "host")) is not None:
        attributes["device"] = machine
    if (doer := actor(r)) is not None:
        attributes["actor"] = doer
    return Made(classes.EVENT_LOG, 1, attributes)
