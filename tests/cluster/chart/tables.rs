//! What the values allow Assay, and what is no value.

/// With pull secrets of `rights-listed` alone.
pub(super) const RIGHTS: [(&str, &str, &str); 20] = [
    ("get secrets", "rights-listed", "yes"),
    ("get serviceaccounts", "rights-listed", "yes"),
    ("list secrets", "rights-listed", "no"),
    ("get secrets", "rights-other", "no"),
    ("get serviceaccounts", "rights-other", "no"),
    ("list secrets", "rights", "yes"),
    ("delete secrets", "rights", "no"),
    ("update leases/rights-assay", "rights", "yes"),
    ("update leases/another", "rights", "no"),
    (
        "patch mutatingwebhookconfigurations/rights-assay",
        "rights",
        "yes",
    ),
    (
        "watch validatingwebhookconfigurations/rights-assay",
        "rights",
        "yes",
    ),
    ("patch mutatingwebhookconfigurations/assay", "rights", "no"),
    ("list mutatingwebhookconfigurations", "rights", "no"),
    (
        "delete validatingwebhookconfigurations/rights-assay",
        "rights",
        "no",
    ),
    (
        "patch clusterimagetrustpolicies --subresource=status",
        "rights",
        "yes",
    ),
    ("patch clusterimagetrustpolicies", "rights", "no"),
    ("create pods", "rights", "no"),
    ("list pods", "rights-other", "yes"),
    ("watch pods", "rights-other", "no"),
    ("get pods", "rights-other", "no"),
];

/// Values, and a part of what helm says about them.
pub(super) const NONSENSE: [(&str, &str); 35] = [
    (
        "tracing.otlpEndpoint=collector:4318",
        "tracing.otlpEndpoint is \"collector:4318\"; write a URL",
    ),
    ("replicas=0", "at '/replicas': minimum: got 0, want 1"),
    ("replicas=two", "at '/replicas': got string, want integer"),
    (
        "replicaCount=3",
        "additional properties 'replicaCount' not allowed",
    ),
    (
        "webhook.timeoutSeconds=0",
        "at '/webhook/timeoutSeconds': minimum: got 0, want 1",
    ),
    (
        "webhook.timeoutSeconds=31",
        "at '/webhook/timeoutSeconds': maximum: got 31, want 30",
    ),
    (
        "webhook.timeout=5",
        "at '/webhook': additional properties 'timeout' not allowed",
    ),
    (
        "webhook.failurePolicy=Open",
        "at '/webhook/failurePolicy': value must be one of 'Fail', 'Ignore'",
    ),
    (
        "webhook.namespaces=Some",
        "at '/webhook/namespaces': value must be one of 'All', 'Labelled'",
    ),
    (
        "webhook.matchConditions[0].name=a",
        "at '/webhook/matchConditions/0': missing property 'expression'",
    ),
    (
        "defaultAction=deny",
        "at '/defaultAction': value must be one of 'Allow', 'Warn', 'Deny'",
    ),
    (
        "podDisruptionBudget.maxUnavailable=0",
        "at '/podDisruptionBudget/maxUnavailable'",
    ),
    (
        "certificate.mode=Magic",
        "value must be one of 'SelfManaged', 'CertManager', 'Provided'",
    ),
    (
        "certificate.mode=Provided",
        "certificate.mode Provided needs certificate.secretName",
    ),
    (
        "certificate.mode=Provided,certificate.secretName=mine",
        "certificate.mode Provided needs certificate.caBundle",
    ),
    (
        "certificate.caBundle=x",
        "certificate.caBundle is only for certificate.mode Provided",
    ),
    (
        "certificate.certManager.issuerRef.name=x",
        "certificate.certManager.issuerRef is only for certificate.mode CertManager",
    ),
    (
        "image.digest=sha256:abc",
        "image.digest is \"sha256:abc\"; write sha256: and 64 hexadecimal digits",
    ),
    (
        "pullSecrets.namespaces={shop}",
        "pullSecrets.namespaces is only read with pullSecrets.scope Namespaces",
    ),
    (
        "serviceAccount.create=false",
        "serviceAccount.create=false needs serviceAccount.name",
    ),
    (
        "ports.metrics=8443",
        "ports.webhook and ports.metrics are both 8443",
    ),
    (
        "registries[0].prefix=r.example,registries[0].username=me",
        "username and passwordFile need each other",
    ),
    (
        "registries[0].prefix=r.example,registries[0].clientKeyFile=tls.key",
        "registries[0] (r.example): clientCertFile and clientKeyFile need each other",
    ),
    (
        "registries[0].prefix=r.example,registries[0].caFile=ca.crt",
        "registries[0] (r.example): caFile is \"ca.crt\"; write NAME/KEY, where registryFiles names the Secret or ConfigMap NAME",
    ),
    (
        "registries[0].prefix=r.example,registries[0].caFile=a/b/ca.crt,registryFiles[0].secret=a",
        "registries[0] (r.example): caFile is \"a/b/ca.crt\"; write NAME/KEY",
    ),
    (
        "registryFiles[0].secret=corp,registryFiles[1].configMap=corp",
        "registryFiles names corp twice, and each becomes the folder of its name",
    ),
    (
        "registries[0].prefix=r.example,registries[0].mirrorOf=r.example",
        "registries[0] (r.example): mirrorOf is the prefix itself",
    ),
    (
        "registries[0].prefix=r.example,registries[0].mirrorOf=https://s.example",
        "mirrorOf is \"https://s.example\"; write host[:port]/path without https://",
    ),
    (
        "registries[0].prefix=r.example,registries[0].signatureRepository=signatures",
        "at '/registries/0/signatureRepository': 'signatures' does not match pattern",
    ),
    (
        "registries[0].prefix=r.example,registries[0].tokenService=https://t.example/token",
        "at '/registries/0/tokenService': 'https://t.example/token' does not match pattern",
    ),
    (
        "registries[0].prefix=r.example,registries[0].insecureHttp=true,registries[0].clientCertFile=a/c,registries[0].clientKeyFile=a/k,registryFiles[0].secret=a",
        "registries[0] (r.example): insecureHttp and clientCertFile exclude each other",
    ),
    (
        "registries[0].prefix=r.example,registries[0].dockerConfig=x",
        "at '/registries/0': additional properties 'dockerConfig' not allowed",
    ),
    (
        "registries[0].prefix=r.example,registries[1].prefix=r.example:443",
        "the prefix r.example is listed twice",
    ),
    (
        "registries[0].prefx=r.example",
        "at '/registries/0': missing property 'prefix'",
    ),
    (
        "updateStrategy.rollingUpdate.maxSurge=0",
        "maxUnavailable and maxSurge are both 0",
    ),
];
