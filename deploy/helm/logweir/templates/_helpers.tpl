{{- /* A name of so many characters at most: a longer one ends in a hash of the whole. Call with (dict "text" T "max" N). */ -}}
{{- define "logweir.short" -}}
{{- if le (len .text) (int .max) -}}
{{- .text -}}
{{- else -}}
{{- printf "%s-%s" (trunc (int (sub .max 9)) .text | trimSuffix "-") (sha256sum .text | trunc 8) -}}
{{- end -}}
{{- end }}

{{- define "logweir.name" -}}
{{- include "logweir.short" (dict "text" (printf "%s-logweir" .Release.Name) "max" 40) -}}
{{- end }}

{{- /* Name of a workload and what belongs to it: Kubernetes puts 11 characters behind a StatefulSet's name and takes that as
the value of a label, which has 63 at most. Call with (dict "root" $ "part" NAME). */ -}}
{{- define "logweir.workload" -}}
{{- include "logweir.short" (dict "text" (printf "%s-%s" (include "logweir.name" .root) .part) "max" 52) -}}
{{- end }}

{{- define "logweir.component" -}}
{{- include "logweir.short" (dict "text" .part "max" 63) -}}
{{- end }}

{{- define "logweir.labels" -}}
app.kubernetes.io/name: logweir
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- /* Labels that select one workload. Call with (dict "root" $ "part" NAME). */ -}}
{{- define "logweir.selector" -}}
app.kubernetes.io/name: logweir
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ include "logweir.component" . }}
{{- end }}

{{- define "logweir.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $_ := set $config "admin" (dict "listen" "0.0.0.0:9600") -}}
{{- $_ := set $config.log "instance" "${POD_NAME}" -}}
{{- if .Values.rules -}}
{{- $rules := default (dict) $config.rules -}}
{{- range $kind := keys .Values.rules | sortAlpha -}}
{{- $_ := set $rules $kind (concat (default (list) (index $rules $kind)) (list (printf "/etc/logweir-rules/%s" $kind))) -}}
{{- end -}}
{{- $_ := set $config "rules" $rules -}}
{{- end -}}
{{- with $config.rules -}}
{{- if and .topic (not .topic_folder) -}}
{{- $_ := set . "topic_folder" "/var/lib/logweir/rules-from-topic" -}}{{- /* beside the configuration nothing can be written */ -}}
{{- end -}}
{{- end -}}
{{- toYaml $config -}}
{{- end }}

{{- /* A pod. Call with (dict "root" $ "part" NAME "args" LIST "resources" MAP). */ -}}
{{- define "logweir.pod" -}}
{{- $values := .root.Values -}}
metadata:
  labels:
    {{- include "logweir.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ include "logweir.component" . }}
  annotations:
    checksum/config: {{ include "logweir.config" .root | sha256sum }}
    checksum/rules: {{ toYaml $values.rules | sha256sum }}
    {{- with $values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  automountServiceAccountToken: false
  serviceAccountName: {{ include "logweir.name" .root }}
  terminationGracePeriodSeconds: 60
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    seccompProfile: {type: RuntimeDefault}
  {{- with $values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if $values.topologySpread }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: topology.kubernetes.io/zone
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "logweir.selector" . | nindent 10 }}
  {{- end }}
  containers:
    - name: logweir
      image: "{{ $values.image.repository }}:{{ $values.image.tag | default .root.Chart.AppVersion }}"
      imagePullPolicy: {{ $values.image.pullPolicy }}
      args: ["run", "-c", "/etc/logweir/logweir.yaml"{{ range .args }}, {{ . | quote }}{{ end }}]
      env:
        - name: POD_NAME
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
        {{- with $values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with $values.existingSecret }}
      envFrom:
        - secretRef: {name: {{ . | quote }}}
      {{- end }}
      ports:
        - {name: metrics, containerPort: 9600, protocol: TCP}
        {{- if eq .part "ingest" }}
        {{- range $values.ingest.service.ports }}
        - {name: {{ .name }}, containerPort: {{ .targetPort }}, protocol: {{ .protocol }}}
        {{- end }}
        {{- end }}
      startupProbe:
        httpGet: {path: /healthz, port: metrics}
        periodSeconds: 2
        failureThreshold: 30
      livenessProbe:
        httpGet: {path: /healthz, port: metrics}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 3
      readinessProbe:
        httpGet: {path: /readyz, port: metrics}
        periodSeconds: 5
        timeoutSeconds: 3
      lifecycle:
        preStop:
          exec: {command: ["sleep", "10"]}
      resources:
        {{- toYaml .resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      volumeMounts:
        - {name: config, mountPath: /etc/logweir, readOnly: true}
        {{- range $kind, $_ := $values.rules }}
        - {name: rules-{{ $kind }}, mountPath: /etc/logweir-rules/{{ $kind }}, readOnly: true}
        {{- end }}
        - {name: tmp, mountPath: /tmp}
        - {name: state, mountPath: /var/lib/logweir}
        {{- with $values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: config
      configMap: {name: {{ include "logweir.name" .root }}}
    {{- $name := include "logweir.name" .root }}
    {{- range $kind, $_ := $values.rules }}
    - name: rules-{{ $kind }}
      configMap: {name: {{ $name }}-rules-{{ $kind }}}
    {{- end }}
    - name: tmp
      emptyDir: {sizeLimit: 64Mi}
    - name: state
      emptyDir: {}
    {{- with $values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

{{- /* A budget for disruptions. Call with (dict "root" $ "part" NAME). */ -}}
{{- define "logweir.pdb" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "logweir.workload" . }}
  labels:
    {{- include "logweir.labels" .root | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      {{- include "logweir.selector" . | nindent 6 }}
{{- end }}

{{- /* A workload with stable names. Call with (dict "root" $ "part" NAME "args" LIST "replicas" N "resources" MAP). */ -}}
{{- define "logweir.stateful" -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ include "logweir.workload" . }}
  labels:
    {{- include "logweir.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ include "logweir.component" . }}
spec:
  replicas: {{ .replicas }}
  serviceName: {{ include "logweir.workload" . }}
  podManagementPolicy: Parallel
  minReadySeconds: 20
  selector:
    matchLabels:
      {{- include "logweir.selector" . | nindent 6 }}
  template:
    {{- include "logweir.pod" (dict "root" .root "part" .part "args" .args "resources" .resources) | nindent 4 }}
{{- end }}
