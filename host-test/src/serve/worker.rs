//! A VM on a thread of its own. Streams send it their callbacks and wait for the answers, so that the reactor never
//! runs a guest, and a guest that takes long holds up only what it is asked about.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::observer::{Ended, Observer};
use crate::abi::{LogLevel, LogLine};
use crate::exchange::{Headers, LocalReply};
use crate::stream::{Flow, OpenStream, Way};
use crate::vm::Vm;

/// Properties of a stream, by NUL-joined path.
pub(super) type Properties = BTreeMap<Vec<u8>, Vec<u8>>;

/// What a stream asks of its VM.
pub(super) enum Command {
    /// A stream begins, towards the upstream of this name.
    Open { key: u64, properties: Properties, upstream: Arc<str> },
    /// Something became known of it.
    Property { key: u64, path: &'static [u8], value: Vec<u8> },
    /// One callback.
    Call { key: u64, way: Way, part: Part, answer: oneshot::Sender<Verdict> },
    /// It is over: log, done, delete.
    Close { key: u64 },
    /// No more streams: the root context ends, and the thread with it.
    Stop,
}

/// A part of a message.
pub(super) enum Part {
    Headers {
        headers: Headers,
        end: bool,
    },
    /// `held`: the head waits for this, so the verdict is to show it.
    Body {
        bytes: Bytes,
        end: bool,
        held: bool,
    },
    Trailers {
        trailers: Headers,
    },
}

/// What the filter made of a part.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// It goes on; otherwise it waits in the VM until a later part lets it go.
    pub(super) flows: bool,
    /// Headers or trailers as they are now.
    pub(super) headers: Option<Headers>,
    /// The part of a body that goes on.
    pub(super) body: Bytes,
    /// The filter answers the request itself: nothing goes on.
    pub(super) reply: Option<LocalReply>,
}

/// How to reach a worker.
#[derive(Clone)]
pub(super) struct Worker {
    commands: Sender<Command>,
}

impl Worker {
    /// Moves `vm` to a thread. It ends by [`Command::Stop`], or when nobody can reach it any more.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(vm: Vm, name: String, observer: Arc<Observer>) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (commands, inbox) = channel();
        let thread =
            Builder::new().name(name).spawn(move || Room { vm, streams: HashMap::new(), observer }.run(&inbox))?;
        Ok((Self { commands }, thread))
    }

    /// Sends a command; a worker whose thread has died answers none, and streams then pass unmetered.
    pub(super) fn send(&self, command: Command) {
        let _gone = self.commands.send(command);
    }
}

struct Room {
    vm: Vm,
    streams: HashMap<u64, Running>,
    observer: Arc<Observer>,
}

struct Running {
    stream: OpenStream,
    upstream: Arc<str>,
    started: Instant,
    /// A whole request that the filter holds: it will answer itself, in a tick.
    waiting: Option<oneshot::Sender<Verdict>>,
}

impl Room {
    fn run(mut self, inbox: &Receiver<Command>) {
        loop {
            let next = match self.until_tick() {
                None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(wait) => inbox.recv_timeout(wait),
            };
            match next {
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(command) => self.obey(command),
                Err(RecvTimeoutError::Timeout) => {}
            }
            // Also between commands: under load the inbox is never empty.
            if self.vm.run_due_tick() {
                self.answer_waiting();
            }
            self.tell_log();
        }
        for running in std::mem::take(&mut self.streams).into_values() {
            self.finish(running);
        }
        self.vm.shut_down();
        self.tell_log();
    }

    fn until_tick(&mut self) -> Option<Duration> {
        if self.vm.trap().is_some() {
            return None;
        }
        self.vm.tick_period_ns()?;
        let now = self.vm.clock().elapsed_ns();
        Some(Duration::from_nanos(self.vm.next_tick_ns().saturating_sub(now)))
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Open { key, properties, upstream } => {
                let stream = self.vm.open_with(properties);
                self.streams.insert(key, Running { stream, upstream, started: Instant::now(), waiting: None });
            }
            Command::Property { key, path, value } => {
                let context = self.streams.get(&key).map(|running| running.stream.context);
                if let Some(state) = context.and_then(|context| self.vm.store.data_mut().streams.get_mut(&context)) {
                    state.properties.insert(path.to_vec(), value);
                }
            }
            Command::Call { key, way, part, answer } => {
                let whole = matches!(part, Part::Headers { end: true, .. }) && way == Way::Request;
                let verdict = self.call(key, way, part);
                match self.streams.get_mut(&key).filter(|_| whole && !verdict.flows && verdict.reply.is_none()) {
                    Some(running) => running.waiting = Some(answer),
                    // The stream may have gone meanwhile.
                    None => drop(answer.send(verdict)),
                }
            }
            Command::Close { key } => {
                if let Some(running) = self.streams.remove(&key) {
                    self.finish(running);
                }
            }
            Command::Stop => {}
        }
    }

    fn call(&mut self, key: u64, way: Way, part: Part) -> Verdict {
        let Some(Running { stream, .. }) = self.streams.get_mut(&key) else { return Verdict::unmetered(part) };
        let flow = match &part {
            Part::Headers { headers, end } => self.vm.headers(stream, way, headers, *end),
            Part::Body { bytes, end, .. } => self.vm.body(stream, way, bytes, *end),
            Part::Trailers { trailers } => self.vm.trailers(stream, way, trailers),
        };
        let body = match way {
            Way::Request => &mut stream.report.request_body,
            Way::Response => &mut stream.report.response_body,
        };
        let mut body = std::mem::take(body);
        let dead = flow.is_err();
        if let Some(state) = self.vm.store.data_mut().streams.get_mut(&stream.context) {
            let (headers, trailers, waiting) = match way {
                Way::Request => (&state.request_headers, &state.request_trailers, &mut state.request_body),
                Way::Response => (&state.response_headers, &state.response_trailers, &mut state.response_body),
            };
            if dead {
                // A crash must not cost traffic (`fail_open` in the shipped Envoy configuration): what waited goes on.
                body.append(waiting);
            }
            let reply = state.local_reply.take();
            let headers = match part {
                Part::Headers { .. } | Part::Body { held: true, .. } => headers.clone(),
                Part::Trailers { .. } => trailers.clone(),
                Part::Body { .. } => None,
            };
            Verdict { flows: flow.is_ok_and(|flow| flow == Flow::On) || dead, headers, body: body.into(), reply }
        } else {
            Verdict::unmetered(part)
        }
    }

    /// Hands out what the filter has answered since.
    fn answer_waiting(&mut self) {
        let dead = self.vm.trap().is_some();
        let states = &mut self.vm.store.data_mut().streams;
        for running in self.streams.values_mut().filter(|running| running.waiting.is_some()) {
            let state = states.get_mut(&running.stream.context);
            let (reply, headers) = match state {
                Some(state) => (state.local_reply.take(), state.request_headers.clone()),
                None => (None, None),
            };
            if reply.is_none() && !dead {
                continue;
            }
            if let Some(answer) = running.waiting.take() {
                let _gone = answer.send(Verdict { flows: dead, headers, body: Bytes::new(), reply });
            }
        }
    }

    fn finish(&mut self, Running { stream, upstream, started, .. }: Running) {
        let report = self.vm.finish(stream);
        self.observer.log(report.log.iter());
        if let Some(trap) = &report.trap {
            self.observer.crashed(trap);
        }
        self.observer.ended(&Ended { report, upstream, took: started.elapsed() });
    }

    fn tell_log(&mut self) {
        let log: Vec<LogLine> = self.vm.take_log();
        self.observer.log(log.iter().filter(|line| line.level >= LogLevel::Warn));
    }
}

impl Verdict {
    /// As without a filter.
    pub(super) fn unmetered(part: Part) -> Self {
        match part {
            Part::Headers { headers, .. } | Part::Trailers { trailers: headers } => {
                Self { flows: true, headers: Some(headers), ..Self::default() }
            }
            Part::Body { bytes, .. } => Self { flows: true, body: bytes, ..Self::default() },
        }
    }
}
