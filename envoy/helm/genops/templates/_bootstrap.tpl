{{/*
envoy/envoy.yaml for a pod: open to its network, the module from the image volume or by URL, the providers of the values.
*/}}
{{- define "genops.bootstrap" -}}
{{- $gateway := .Values.gateway -}}
{{- $bootstrap := .Files.Get "files/envoy.yaml" | fromYaml -}}
{{- $static := $bootstrap.static_resources -}}

{{- $code := dict "local" (dict "filename" "/genops/plugin.wasm") -}}
{{- if .Values.module.url -}}
  {{- $uri := dict "uri" .Values.module.url "cluster" "module" "timeout" "30s" -}}
  {{- $sha256 := required "module.url needs module.sha256" .Values.module.sha256 -}}
  {{- $code = dict "remote" (dict "http_uri" $uri "sha256" $sha256) -}}
{{- end -}}

{{- $config := deepCopy .Values.config -}}
{{- if not (or $config.provider $config.clusters) -}}
  {{- if eq (len $gateway.providers) 1 -}}
    {{- $_ := set $config "provider" (first $gateway.providers).name -}}
  {{- else -}}
    {{- $clusters := dict -}}
    {{- range $gateway.providers }}{{ $_ := set $clusters .name .name }}{{ end -}}
    {{- $_ := set $config "clusters" $clusters -}}
  {{- end -}}
{{- end -}}

{{- range $static.listeners -}}
  {{- $_ := set .address.socket_address "address" "0.0.0.0" -}}
  {{- $manager := (first (first .filter_chains).filters).typed_config -}}
  {{- $hosts := $manager.route_config.virtual_hosts -}}
  {{- $of_traffic := eq .name "llm" -}}
  {{- range $manager.http_filters -}}
    {{- if eq .name "genops" -}}
      {{- $plugin := .typed_config.config -}}
      {{- if $of_traffic }}{{ $_ := set $plugin.configuration "value" (toPrettyJson $config) }}{{ end -}}
      {{- $_ := set $plugin.vm_config "code" $code -}}
      {{- with $gateway.environment -}}
        {{- $_ := set $plugin.vm_config "environment_variables" (dict "key_values" .) -}}
      {{- end -}}
    {{- end -}}
  {{- end -}}
  {{- if $of_traffic -}}
    {{- $template := first $hosts -}}
    {{- $hosts = list -}}
    {{- range $index, $provider := $gateway.providers -}}
      {{- $host := deepCopy $template -}}
      {{- $_ := set $host "name" (ternary $host.name $provider.name (eq $index 0)) -}}
      {{- $_ := set $host "domains" (ternary (list "*") ($provider.domains | default (list $provider.host)) (eq $index 0)) -}}
      {{- $route := (first $host.routes).route -}}
      {{- $_ := set $route "cluster" $provider.name -}}
      {{- $_ := set $route "host_rewrite_literal" $provider.host -}}
      {{- $hosts = append $hosts $host -}}
    {{- end -}}
  {{- else -}}
    {{- /* For the kubelet: the listener is there, and with it all that is configured. */ -}}
    {{- $ready := dict "match" (dict "path" "/ready") "direct_response" (dict "status" 200) -}}
    {{- $_ := set (first $hosts) "routes" (prepend (first $hosts).routes $ready) -}}
  {{- end -}}
  {{- $_ := set $manager.route_config "virtual_hosts" $hosts -}}
{{- end -}}

{{- $template := first $static.clusters -}}
{{- $clusters := list -}}
{{- range $gateway.providers -}}
  {{- $clusters = append $clusters (include "genops.cluster" (dict "of" $template "name" .name "host" .host "port" 443) | fromYaml) -}}
{{- end -}}
{{- with .Values.module.url -}}
  {{- $url := urlParse . -}}
  {{- $host := splitList ":" $url.host -}}
  {{- $port := ternary 443 80 (eq $url.scheme "https") -}}
  {{- if gt (len $host) 1 }}{{ $port = int (last $host) }}{{ end -}}
  {{- $module := include "genops.cluster" (dict "of" $template "name" "module" "host" (first $host) "port" $port) | fromYaml -}}
  {{- if ne $url.scheme "https" }}{{ $_ := unset $module "transport_socket" }}{{ end -}}
  {{- $clusters = append $clusters $module -}}
{{- end -}}
{{- $_ := set $static "clusters" $clusters -}}
{{ toYaml $bootstrap }}
{{- end -}}

{{/* The cluster of the shipped bootstrap, for another host. */}}
{{- define "genops.cluster" -}}
{{- $cluster := deepCopy .of -}}
{{- $_ := set $cluster "name" .name -}}
{{- $_ := set $cluster.load_assignment "cluster_name" .name -}}
{{- $endpoint := first (first $cluster.load_assignment.endpoints).lb_endpoints -}}
{{- $_ := set $endpoint.endpoint.address "socket_address" (dict "address" .host "port_value" .port) -}}
{{- $tls := $cluster.transport_socket.typed_config -}}
{{- $_ := set $tls "sni" .host -}}
{{- $name := first $tls.common_tls_context.validation_context.match_typed_subject_alt_names -}}
{{- $_ := set $name "matcher" (dict "exact" .host) -}}
{{ toYaml $cluster }}
{{- end -}}
