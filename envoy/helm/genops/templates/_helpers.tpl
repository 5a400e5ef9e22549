{{- define "genops.namespace" -}}
{{- .Values.namespace | default .Release.Namespace -}}
{{- end -}}

{{- define "genops.labels" -}}
app.kubernetes.io/name: genops
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/*
A shipped file with what the values say of it. Arguments: root, file (below files/), default (the namespace that stands for
`default`). The files are the ones that the tests execute; whatever is not named here passes as it is.
*/}}
{{- define "genops.shipped" -}}
{{- $values := .root.Values -}}
{{- $text := .root.Files.Get (printf "files/%s" .file) -}}
{{- if not $text }}{{ fail (printf "%s is no file of this chart" .file) }}{{ end -}}
{{- $text = $text | replace "registry.example.com/genops/genops-filter:0.1.0" $values.module.image -}}
{{- $text = $text | replace "istio-system" $values.istio.namespace -}}
{{- $text = $text | replace "envoy-gateway-system" $values.envoyGateway.namespace -}}
{{- $text = $text | replace "namespace: default" (printf "namespace: %s" .default) -}}
{{- $root := .root -}}
{{- range splitList "\n---\n" $text }}
{{- $doc := fromYaml . -}}
{{- with $doc.Error }}{{ fail . }}{{ end -}}
{{- /* Parts of Istio's mesh configuration are no resources. */ -}}
{{- if and $doc.kind (ne $doc.kind "IstioOperator") }}
---
{{ include "genops.document" (dict "doc" $doc "values" $values) }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "genops.document" -}}
{{- $doc := .doc -}}
{{- $values := .values -}}
{{- if eq $doc.kind "WasmPlugin" -}}
  {{- $_ := set $doc.spec "pluginConfig" $values.config -}}
  {{- if $doc.spec.selector -}}
    {{- $labels := ternary $values.istio.selector $values.istio.sidecar.selector (hasKey $doc.spec.selector.matchLabels "istio") -}}
    {{- $_ := set $doc.spec.selector "matchLabels" $labels -}}
  {{- end -}}
{{- else if eq $doc.kind "EnvoyFilter" -}}
  {{- $_ := set $doc.spec.workloadSelector "labels" $values.istio.selector -}}
  {{- range $doc.spec.configPatches -}}
    {{- with .patch.value.typed_config -}}
      {{- $_ := set .config.configuration "value" (toJson $values.config) -}}
    {{- end -}}
  {{- end -}}
{{- else if eq $doc.kind "Telemetry" -}}
  {{- $_ := set $doc.spec.selector "matchLabels" $values.istio.selector -}}
{{- else if eq $doc.kind "EnvoyExtensionPolicy" -}}
  {{- $_ := set (first $doc.spec.targetRefs) "name" $values.envoyGateway.gateway.name -}}
  {{- $wasm := first $doc.spec.wasm -}}
  {{- $_ := set $wasm "config" $values.config -}}
  {{- with $wasm.code.http -}}
    {{- $_ := set . "url" (required "policy-http needs module.url" $values.module.url) -}}
    {{- with $values.module.sha256 }}{{ $_ := set $wasm.code.http "sha256" . }}{{ end -}}
  {{- end -}}
{{- else if and (eq $doc.kind "Gateway") (eq (toString $doc.spec.gatewayClassName) "genops") -}}
  {{- $_ := set $doc.metadata "name" $values.envoyGateway.gateway.name -}}
{{- else if eq $doc.kind "HTTPRoute" -}}
  {{- $_ := set (first $doc.spec.parentRefs) "name" $values.envoyGateway.gateway.name -}}
{{- end -}}
{{ toYaml $doc }}
{{- end -}}
