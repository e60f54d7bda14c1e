{{/* The name that everything here starts with: `assay` for the release `assay`. */}}
{{- define "assay.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What never changes for a release: a Deployment's selector cannot. */}}
{{- define "assay.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: webhook
{{- end -}}

{{- define "assay.labels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: assay
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "assay.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "assay.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "assay.image" -}}
{{- $tag := default .Chart.AppVersion .Values.image.tag -}}
{{- if .Values.image.digest -}}
{{- printf "%s:%s@%s" .Values.image.repository $tag .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository $tag -}}
{{- end -}}
{{- end -}}

{{- define "assay.certificateSecretName" -}}
{{- default (printf "%s-webhook-certificate" (include "assay.fullname" .)) .Values.certificate.secretName -}}
{{- end -}}

{{/* An IPv6 address stands in brackets before a port. */}}
{{- define "assay.listenHost" -}}
{{- if contains ":" .Values.listenAddress }}[{{ .Values.listenAddress }}]{{ else }}{{ .Values.listenAddress }}{{ end -}}
{{- end -}}

{{/* Whether the certificate lies in a mounted Secret, as an empty or non-empty text. */}}
{{- define "assay.mountsCertificate" -}}
{{- if ne .Values.certificate.mode "SelfManaged" }}yes{{ end -}}
{{- end -}}

{{/* The fields of a registry that name a file. */}}
{{- define "assay.registryFileFields" -}}
caFile clientCertFile clientKeyFile passwordFile dockerConfigFile
{{- end -}}

{{/* The settings of registries as Assay reads them: files by their whole path. */}}
{{- define "assay.registrySettings" -}}
{{- $registries := list -}}
{{- range .Values.registries -}}
{{- $registry := deepCopy . -}}
{{- range $field := include "assay.registryFileFields" $ | splitList " " -}}
{{- $file := get $registry $field -}}
{{- if and $file (not (hasPrefix "/" $file)) -}}
{{- $_ := set $registry $field (printf "/etc/assay/registries/%s" $file) -}}
{{- end -}}
{{- end -}}
{{- $registries = append $registries $registry -}}
{{- end -}}
{{- toYaml (dict "registries" $registries) -}}
{{- end -}}

{{/* Which namespaces are judged: the same for both webhooks, and for what they look at by themselves. */}}
{{- define "assay.namespaceSelector" -}}
{{- $own := list .Release.Namespace -}}
{{- if .Values.webhook.excludeKubeSystem -}}
{{- $own = append $own "kube-system" -}}
{{- end -}}
{{- $labels := default dict .Values.webhook.namespaceSelector.matchLabels -}}
{{- if eq .Values.webhook.namespaces "Labelled" -}}
{{- $labels = merge (dict "assay.dev/enabled" "true") $labels -}}
{{- end -}}
{{- with $labels }}
matchLabels:
  {{- toYaml . | nindent 2 }}
{{- end }}
matchExpressions:
  # Never Assay itself, nor what a node needs to start: a webhook that guards its own Pods cannot be repaired.
  - key: kubernetes.io/metadata.name
    operator: NotIn
    values: {{ concat $own .Values.webhook.excludedNamespaces | uniq | toJson }}
  {{- with .Values.webhook.namespaceSelector.matchExpressions }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* What is judged: every kind that names images. */}}
{{- define "assay.rules" -}}
- apiGroups: [""]
  apiVersions: [v1]
  operations: [CREATE, UPDATE]
  resources: [pods, replicationcontrollers, podtemplates]
  scope: Namespaced
# A subresource is never implied by its resource: without this line `kubectl debug` would pass.
- apiGroups: [""]
  apiVersions: [v1]
  operations: [UPDATE]
  resources: [pods/ephemeralcontainers]
  scope: Namespaced
- apiGroups: [apps]
  apiVersions: [v1]
  operations: [CREATE, UPDATE]
  resources: [deployments, replicasets, statefulsets, daemonsets]
  scope: Namespaced
- apiGroups: [batch]
  apiVersions: [v1]
  operations: [CREATE, UPDATE]
  resources: [jobs, cronjobs]
  scope: Namespaced
{{- end -}}

{{/* Where the API server finds the webhook. Without a caBundle where somebody else writes it, so that no upgrade takes it away. */}}
{{- define "assay.clientConfig" -}}
clientConfig:
  service:
    namespace: {{ .root.Release.Namespace }}
    name: {{ include "assay.fullname" .root }}
    path: {{ .path }}
    port: 443
  {{- if eq .root.Values.certificate.mode "Provided" }}
  caBundle: {{ .root.Values.certificate.caBundle | b64enc }}
  {{- end }}
{{- end -}}

{{- define "assay.webhookAnnotations" -}}
{{- $annotations := .Values.webhook.annotations -}}
{{- if eq .Values.certificate.mode "CertManager" -}}
{{- $name := printf "%s/%s" .Release.Namespace (include "assay.certificateSecretName" .) -}}
{{- $annotations = merge (dict "cert-manager.io/inject-ca-from" $name) $annotations -}}
{{- end -}}
{{- /* Tells replicas of before that they are to make no certificate any more. */ -}}
{{- if ne .Values.certificate.mode "SelfManaged" -}}
{{- $annotations = merge (dict "assay.dev/certificate-mode" .Values.certificate.mode) $annotations -}}
{{- end -}}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The port in a text as host[:port][/path], or the usual one. */}}
{{- define "assay.portOf" -}}
{{- $host := splitList "/" .text | first | splitList "@" | last -}}
{{- regexFind ":[0-9]+$" $host | trimPrefix ":" | default .usual -}}
{{- end -}}

{{/* The TCP ports that Assay may reach: those that are listed, and those of the registries, of the collector of traces and of
the proxies that the values name. */}}
{{- define "assay.egressPorts" -}}
{{- $ports := list -}}
{{- range .Values.networkPolicy.egress.ports -}}
{{- $ports = append $ports (int .) -}}
{{- end -}}
{{- range $registry := .Values.registries -}}
{{- range $field := list "prefix" "mirrorOf" "signatureRepository" "tokenService" -}}
{{- with get $registry $field -}}
{{- $isPlain := and (eq $field "prefix") (eq (toString (get $registry "insecureHttp")) "true") -}}
{{- $ports = append $ports (include "assay.portOf" (dict "text" . "usual" (ternary "80" "443" $isPlain)) | int) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $urls := list .Values.tracing.otlpEndpoint -}}
{{- range .Values.extraEnv -}}
{{- if regexMatch "^(?i:https|http|all)_(?i:proxy)$" .name -}}
{{- $urls = append $urls (default "" .value) -}}
{{- end -}}
{{- end -}}
{{- range compact $urls -}}
{{- $usual := ternary "443" "80" (hasPrefix "https://" .) -}}
{{- $text := regexReplaceAll "^[a-z]+://" . "" -}}
{{- $ports = append $ports (include "assay.portOf" (dict "text" $text "usual" $usual) | int) -}}
{{- end -}}
{{- range $index, $port := uniq $ports -}}
{{- if $index }} {{ end }}{{ $port -}}
{{- end -}}
{{- end -}}
