# Every task is one word: `just test`. Without just, the lines below work as they stand.

# List the tasks.
default:
    @just --list

# Compile.
build:
    cargo build

# Run the tests that need only Rust.
test:
    cargo test

# Lint, with warnings as errors.
lint:
    cargo clippy --all-targets -- -D warnings

# Format.
fmt:
    cargo fmt

# Build the API documentation.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items

# Look at licences, sources and banned crates (needs cargo-deny).
deny:
    cargo deny --all-features --config .deny.toml check

# Write the custom resource definitions, and the reference of their fields, from the code.
crds:
    cargo run --quiet -- crd --output-dir manifests/crds
    cargo run --quiet -- crd --output-dir charts/assay/files/crds
    cargo run --quiet -- crd -o markdown | sed -i -e '/^<!-- fields: generated/,/^<!-- fields: end/{//!d}' -e '/^<!-- fields: generated/r /dev/stdin' docs/policy.md

# Look at the chart, or with `--write` write manifests/assay.yaml from it (needs helm, see CONTRIBUTING.md).
chart *options:
    .ci/chart {{ options }}

# Show the webhook at work.
demo:
    cargo run -- demo

# Measure, and write docs/performance.md; with `--quick`, only look whether that still works.
load *options:
    .ci/load {{ options }}

# Run the tests on real components (see CONTRIBUTING.md).
cluster:
    cargo test --test cluster -- --include-ignored

# Fuzz every target for a minute, or those that are named.
fuzz *targets:
    .ci/fuzz {{ targets }}

# Everything CI runs. The first run builds its tools and takes long.
ci:
    .ci/run
