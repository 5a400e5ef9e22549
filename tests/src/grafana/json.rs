//! The description as Grafana reads it.

use serde_json::{Map, Value, json};

use super::{Board, Form, Panel};

/// Version of the dashboard's form: Grafana 12 writes it, and reads all older ones.
const SCHEMA_VERSION: u32 = 42;
/// Columns of Grafana's grid.
const COLUMNS: u32 = 24;
/// Name of the variable that chooses the data source.
const SOURCE: &str = "datasource";

/// A dashboard as a file for import, provisioning, ConfigMap or Terraform.
pub fn dashboard(board: &Board) -> Value {
    let (mut x, mut y, mut shelf) = (0, 0, 0);
    let mut panels = Vec::new();
    for (id, panel) in (1..).zip(board.panels) {
        let (w, h) = panel.size;
        if x + w > COLUMNS {
            (x, y, shelf) = (0, y + shelf, 0);
        }
        panels.push(panel_json(panel, id, json!({"x": x, "y": y, "w": w, "h": h})));
        (x, shelf) = (x + w, shelf.max(h));
    }
    json!({
        "uid": board.uid,
        "title": board.title,
        "tags": board.tags,
        "schemaVersion": SCHEMA_VERSION,
        "editable": true,
        "graphTooltip": 1,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": board.from, "to": "now"},
        "annotations": {"list": []},
        "links": [{
            "type": "dashboards", "title": "GenOps", "tags": ["genops"], "asDropdown": true, "includeVars": true,
            "keepTime": true,
        }],
        "templating": {"list": variables(board)},
        "panels": panels,
    })
}

fn source() -> Value {
    json!({"type": "prometheus", "uid": format!("${{{SOURCE}}}")})
}

fn variables(board: &Board) -> Vec<Value> {
    let mut all = vec![json!({
        "name": SOURCE, "label": "Data source", "type": "datasource", "query": "prometheus", "regex": "",
        "refresh": 1, "hide": 0, "multi": false, "includeAll": false,
    })];
    all.extend(board.variables.iter().map(|(label, family)| {
        json!({
            "name": label, "label": label, "type": "query", "datasource": source(), "refresh": 2, "sort": 1, "hide": 0,
            "query": {"qryType": 1, "query": format!("label_values({family}, {label})"), "refId": label},
            "definition": format!("label_values({family}, {label})"),
            "multi": true, "includeAll": true, "allValue": ".*", "current": {"text": ["All"], "value": ["$__all"]},
        })
    }));
    all
}

fn panel_json(panel: &Panel, id: u32, place: Value) -> Value {
    let instant = matches!(panel.form, Form::Stat | Form::Pie | Form::Bars | Form::Gauge | Form::Table);
    let targets: Vec<Value> = ('A'..)
        .zip(panel.targets)
        .map(|(letter, (expr, legend))| {
            let format = match panel.form {
                Form::Table => "table",
                Form::Heatmap => "heatmap",
                _ => "time_series",
            };
            json!({
                "refId": letter.to_string(), "expr": expr, "legendFormat": legend, "format": format,
                "instant": instant, "range": !instant, "datasource": source(), "editorMode": "code",
            })
        })
        .collect();
    let mut json = json!({
        "id": id,
        "type": kind(panel.form),
        "title": panel.title,
        "gridPos": place,
        "datasource": source(),
        "targets": targets,
        "fieldConfig": {"defaults": defaults(panel), "overrides": []},
        "options": options(panel),
    });
    if let Some(map) = json.as_object_mut() {
        let waits = "Waits for governance: empty until policies, budgets or evaluations are configured.";
        let note = [panel.note, if panel.waits() { waits } else { "" }].join(" ").trim().to_owned();
        if !note.is_empty() {
            map.insert("description".to_owned(), json!(note));
        }
        if let (Form::Table, [(_, legend)]) = (panel.form, panel.targets) {
            map.insert("transformations".to_owned(), columns(legend));
        }
    }
    json
}

fn kind(form: Form) -> &'static str {
    match form {
        Form::Stat => "stat",
        Form::Lines => "timeseries",
        Form::Pie => "piechart",
        Form::Bars => "bargauge",
        Form::Gauge => "gauge",
        Form::Table => "table",
        Form::Heatmap => "heatmap",
    }
}

/// `model=Model,provider=Provider,Value=Cost (USD)`: Grafana's labels and what a reader calls them.
fn columns(legend: &str) -> Value {
    let names: Map<String, Value> = legend
        .split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(label, title)| (label.to_owned(), json!(title)))
        .collect();
    json!([{"id": "organize", "options": {"excludeByName": {"Time": true}, "indexByName": {}, "renameByName": names}}])
}

fn defaults(panel: &Panel) -> Value {
    let mut defaults = Map::new();
    defaults.insert("unit".to_owned(), json!(panel.unit));
    if let Some((low, high)) = panel.range {
        defaults.insert("min".to_owned(), json!(low));
        defaults.insert("max".to_owned(), json!(high));
    }
    if !panel.steps.is_empty() {
        // Grafana's first step has no value: it holds below all others.
        let step = |(at, (value, color)): (usize, &(f64, &str))| json!({"value": if at == 0 { Value::Null } else { json!(value) }, "color": color});
        let steps: Vec<Value> = panel.steps.iter().enumerate().map(step).collect();
        defaults.insert("thresholds".to_owned(), json!({"mode": "absolute", "steps": steps}));
        defaults.insert("color".to_owned(), json!({"mode": "thresholds"}));
    }
    if panel.form == Form::Lines {
        let custom =
            json!({"drawStyle": "line", "lineWidth": 1, "fillOpacity": 10, "showPoints": "never", "spanNulls": false});
        defaults.insert("custom".to_owned(), custom);
        defaults.insert("color".to_owned(), json!({"mode": "palette-classic"}));
    }
    Value::Object(defaults)
}

fn options(panel: &Panel) -> Value {
    let last = json!({"calcs": ["lastNotNull"], "fields": "", "values": false});
    match panel.form {
        Form::Stat => json!({"reduceOptions": last, "colorMode": "value", "graphMode": "none", "textMode": "auto"}),
        Form::Lines => json!({
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }),
        Form::Pie => json!({
            "reduceOptions": last, "pieType": "pie", "displayLabels": ["percent"],
            "legend": {"displayMode": "table", "placement": "right", "showLegend": true, "values": ["value"]},
        }),
        Form::Bars => json!({"reduceOptions": last, "orientation": "horizontal", "displayMode": "gradient"}),
        Form::Gauge => json!({"reduceOptions": last, "showThresholdLabels": false, "showThresholdMarkers": true}),
        Form::Table => json!({"showHeader": true, "cellHeight": "sm"}),
        Form::Heatmap => json!({"calculate": false, "yAxis": {"unit": panel.unit}, "cellGap": 1}),
    }
}

/// ConfigMaps that Grafana's sidecar in Kubernetes takes for dashboards, one document each.
pub fn config_maps(boards: &[Board]) -> String {
    let mut out = String::from(
        "# Generated by `cargo xtask generate` from tests/src/grafana. The sidecar of kube-prometheus-stack's Grafana loads \
         every\n# ConfigMap with this label; `kubectl apply -f` it, no restart is needed.\n",
    );
    for board in boards {
        let text = serde_json::to_string_pretty(&dashboard(board)).unwrap_or_default();
        let body: String = text.lines().map(|line| format!("    {line}\n")).collect();
        out.push_str(&format!(
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {}\n  namespace: monitoring\n  labels:\n    \
             grafana_dashboard: \"1\"\n  annotations:\n    grafana_folder: GenOps AI\ndata:\n  {}.json: |\n{body}",
            board.uid, board.file
        ));
    }
    out
}
