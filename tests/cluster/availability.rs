//! What users of the cluster see of Assay when its replicas, its certificate and the API server come and go.

mod certificates;
mod outage;
mod policies;
mod registry;
mod replicas;
