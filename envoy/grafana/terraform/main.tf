# The source's Terraform in the provider's current form: `json_data` blocks became `json_data_encoded`, dashboards name
# their folder by its uid, and Grafana's API keys became service account tokens.
terraform {
  required_version = ">= 1.5"
  required_providers {
    grafana = {
      source  = "grafana/grafana"
      version = ">= 3.0"
    }
  }
}

variable "grafana_url" {
  type    = string
  default = "http://grafana.monitoring:3000"
}

variable "grafana_token" {
  description = "Token of a service account with the role Admin: it makes a data source"
  type        = string
  sensitive   = true
}

variable "prometheus_url" {
  type    = string
  default = "http://prometheus-kube-prometheus-prometheus.monitoring:9090"
}

variable "tempo_url" {
  description = "Empty: no data source for traces"
  type        = string
  default     = ""
}

provider "grafana" {
  url  = var.grafana_url
  auth = var.grafana_token
}

resource "grafana_folder" "genops" {
  title = "GenOps AI"
  uid   = "genops"
}

# Every file that `cargo xtask generate` writes: genops-cost-tracking, genops-policy-compliance, genops-ai-performance and
# the others.
resource "grafana_dashboard" "genops" {
  for_each = fileset("${path.module}/../dashboards", "*.json")

  config_json = file("${path.module}/../dashboards/${each.value}")
  folder      = grafana_folder.genops.uid
  overwrite   = true
}

resource "grafana_data_source" "prometheus" {
  type = "prometheus"
  name = "Prometheus"
  uid  = "prometheus"
  url  = var.prometheus_url

  json_data_encoded = jsonencode({
    httpMethod   = "POST"
    queryTimeout = "60s"
    timeInterval = "15s"
  })
}

resource "grafana_data_source" "tempo" {
  count = var.tempo_url == "" ? 0 : 1

  type = "tempo"
  name = "Tempo"
  uid  = "tempo"
  url  = var.tempo_url

  json_data_encoded = jsonencode({
    tracesToMetrics = { datasourceUid = grafana_data_source.prometheus.uid }
  })
}
