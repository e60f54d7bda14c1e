//! HTTP: TLS with reload, routes, body limits, health, metrics, drain.
