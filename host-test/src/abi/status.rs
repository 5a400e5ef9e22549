//! Hostcall statuses of proxy-wasm 0.2.1, and how a hostcall body ends.

/// What a hostcall returns to the guest. Any number can be injected, so this is not an enum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Status(pub u32);

impl Status {
    /// Done.
    pub const OK: Self = Self(0);
    /// No such value.
    pub const NOT_FOUND: Self = Self(1);
    /// An argument that this host refuses.
    pub const BAD_ARGUMENT: Self = Self(2);
    /// A value that cannot be serialised.
    pub const SERIALIZATION_FAILURE: Self = Self(3);
    /// A value that cannot be parsed.
    pub const PARSE_FAILURE: Self = Self(4);
    /// An expression that cannot be evaluated.
    pub const BAD_EXPRESSION: Self = Self(5);
    /// A pointer outside the guest's memory.
    pub const INVALID_MEMORY_ACCESS: Self = Self(6);
    /// An empty queue.
    pub const EMPTY: Self = Self(7);
    /// Shared data changed since it was read.
    pub const CAS_MISMATCH: Self = Self(8);
    /// A result of another kind.
    pub const RESULT_MISMATCH: Self = Self(9);
    /// The host failed, or a capability is denied.
    pub const INTERNAL_FAILURE: Self = Self(10);
    /// The connection is gone.
    pub const BROKEN_CONNECTION: Self = Self(11);
    /// The host does not have this call.
    pub const UNIMPLEMENTED: Self = Self(12);

    /// Every status that the ABI names.
    pub const ALL: [Self; 13] = [
        Self::OK,
        Self::NOT_FOUND,
        Self::BAD_ARGUMENT,
        Self::SERIALIZATION_FAILURE,
        Self::PARSE_FAILURE,
        Self::BAD_EXPRESSION,
        Self::INVALID_MEMORY_ACCESS,
        Self::EMPTY,
        Self::CAS_MISMATCH,
        Self::RESULT_MISMATCH,
        Self::INTERNAL_FAILURE,
        Self::BROKEN_CONNECTION,
        Self::UNIMPLEMENTED,
    ];
}

/// Why a hostcall ends other than with [`Status::OK`].
pub(crate) enum Stop {
    /// A status for the guest.
    Status(Status),
    /// The guest itself trapped while the host called its allocator: the whole call unwinds.
    Trap(wasmtime::Error),
}

impl From<Status> for Stop {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

/// Result of a hostcall body.
pub(crate) type Answer<T = ()> = Result<T, Stop>;
