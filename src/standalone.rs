//! Policies, trust roots and the Secrets and ConfigMaps they name from a directory of YAML files, reloaded when they change.
