{{- define "connectd.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* 52 characters: the label controller-revision-hash is the StatefulSet's name, "-" and 10 characters, and a label has 63. */}}
{{- define "connectd.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "connectd.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "connectd.headless" -}}
{{- printf "%s-headless" (include "connectd.fullname" .) -}}
{{- end -}}

{{- define "connectd.selectorLabels" -}}
app.kubernetes.io/name: {{ include "connectd.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "connectd.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "connectd.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "connectd.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "connectd.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "connectd.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* worker.properties: the chart's own keys, then .Values.worker over them; sorted, so that a release changes only with its values. */}}
{{- define "connectd.workerProperties" -}}
{{- $group := default (include "connectd.fullname" .) .Values.group.id -}}
{{- $rf := .Values.group.replicationFactor | int -}}
{{- $props := dict
  "bootstrap.servers" .Values.kafka.bootstrapServers
  "group.id" $group
  "config.storage.topic" (default (printf "%s-configs" $group) .Values.group.configTopic)
  "offset.storage.topic" (default (printf "%s-offsets" $group) .Values.group.offsetTopic)
  "status.storage.topic" (default (printf "%s-status" $group) .Values.group.statusTopic)
  "config.storage.replication.factor" $rf
  "offset.storage.replication.factor" $rf
  "status.storage.replication.factor" $rf
  "key.converter" .Values.converters.key
  "value.converter" .Values.converters.value
  "listeners" "http://:8083"
-}}
{{- $owned := dict
  "bootstrap.servers" "kafka.bootstrapServers"
  "group.id" "group.id"
  "config.storage.topic" "group.configTopic"
  "offset.storage.topic" "group.offsetTopic"
  "status.storage.topic" "group.statusTopic"
  "listeners" "service.port"
  "rest.advertised.host.name" "nothing: it is the pod's own name"
  "rest.advertised.port" "nothing: it is the pod's own port"
-}}
{{- range $key, $value := .Values.worker -}}
{{- with get $owned $key }}{{ fail (printf "worker: the key %s belongs to the chart, set %s in place of it" $key .) }}{{ end -}}
{{- if not (regexMatch "^[A-Za-z0-9._-]+$" $key) }}{{ fail (printf "worker: %q is not a key of worker.properties" $key) }}{{ end -}}
{{- $_ := set $props $key $value -}}
{{- end -}}
{{- range $key := keys $props | sortAlpha }}
{{- $value := get $props $key }}
{{- /* YAML numbers arrive as float64: 10000000 must not become 1e+07. */}}
{{- if kindIs "float64" $value }}{{ $value = ternary ($value | int64 | toString) ($value | toString) (eq (floor $value) $value) }}{{ end }}
{{- /* A backslash or a line break would be read by the properties parser. */}}
{{ $key }}={{ $value | toString | replace "\\" "\\\\" | replace "\n" "\\n" }}
{{- end }}
{{- end -}}
