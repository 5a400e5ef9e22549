//! New series: defined in slices, and listed for other VMs.

use super::{Behind, Form, GRACE_NANOS, Group, patience};
use crate::host::{self, Status};

impl Behind {
    pub(super) fn read_registry(&mut self) {
        let mut registry = std::mem::take(&mut self.registry);
        registry.read(|name| self.listed(name));
        self.registry = registry;
    }

    /// Another VM, or an earlier generation, has this series.
    fn listed(&mut self, listed: &str) {
        let (form, name) = Form::of_listed(listed);
        let index = self.series_named(name, form);
        let Some(series) = self.series.get_mut(index as usize) else { return };
        series.listed = true;
        if series.id.is_none() && !series.queued {
            self.queue(vec![index]);
        }
    }

    /// Defines queued series, for at most `nanos` (`None`: all of them), and lists them.
    pub(super) fn define_backlog(&mut self, nanos: Option<u64>) {
        if self.backlog.is_empty() {
            return;
        }
        let until = nanos.map(|n| host::now().saturating_add(n));
        let mut names = Vec::new();
        while let Some(mut group) = self.backlog.pop_front() {
            let whole = self.define_group(&mut group, until, &mut names);
            match whole {
                Ok(true) => {
                    let now = patience();
                    for index in group.series {
                        if !self.write(index, now) {
                            self.dirty.push(index);
                        }
                    }
                    if until.is_some_and(|t| host::now() >= t) {
                        break;
                    }
                }
                Ok(false) => {
                    self.backlog.push_front(group);
                    break;
                }
                Err(status) => {
                    // Deltas stay; the next observation queues the series again.
                    for index in group.series {
                        if let Some(s) = self.series.get_mut(index as usize) {
                            s.queued = false;
                        }
                    }
                    self.warn_once("metrics", status);
                }
            }
        }
        if !names.is_empty() {
            let mut registry = std::mem::take(&mut self.registry);
            registry.append(names, |name| self.listed(name));
            self.registry = registry;
        }
    }

    fn define_group(&mut self, group: &mut Group, until: Option<u64>, names: &mut Vec<String>) -> Result<bool, Status> {
        while let Some(series) = group.series.get(group.defined).and_then(|i| self.series.get_mut(*i as usize)) {
            if series.id.is_none() {
                let counts = series.form == Form::Counter;
                let id = host::define_metric(series.form.kind(), &series.name)?;
                series.id = Some(id);
                // One that another VM listed has waited there. A host without timers is written through to. What a VM adds to
                // a level it takes away again.
                series.not_before = match series.listed || !self.timers || !counts {
                    true => 0,
                    false => host::now().saturating_add(GRACE_NANOS),
                };
                if counts {
                    // Keeps a zero visible under `?usedonly` (envoy.md 1.3: adds 0 and marks the counter used).
                    let _refused = host::record_metric(id, 0);
                }
                if !std::mem::replace(&mut series.listed, true) {
                    names.push(series.form.listed(&series.name));
                }
            }
            group.defined += 1;
            if group.defined < group.series.len() && until.is_some_and(|t| host::now() >= t) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
