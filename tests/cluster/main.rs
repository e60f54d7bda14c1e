//! Tests against a real kube-apiserver, etcd, registry, cosign and kubectl. Run by `.ci/run`.
