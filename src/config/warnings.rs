//! What is allowed and hardly meant.

use super::{Config, Host, Store, store::Promise};

const ONE_ADDRESS: &str = "every caller would be counted as one address: public_url is https, so TLS ends before the gateway, and no proxy \
is listed. List your load balancer under trusted_proxies; if there is none that forwards addresses, write trusted_proxies = []";
const PLAIN_REDIS: &str = "Redis is on another machine and spoken to without TLS: whoever is on the way can read its password and all that \
is kept, and change it. Let Redis listen with TLS, and write rediss instead of redis in the url of [store]";
const AVAILABLE: &str = "a fail-over of Redis may bring back what was revoked just before: promise is available, so that a replica of \
Redis may take over that has not confirmed it. To rule that out, leave promise out, and write the number of all replicas of the primary \
under wait_replicas";
const SERVE_KNOWN: &str = "while Redis is away, what was revoked meanwhile is still served on the routes with serve_known, for as long as \
they say, where the token was known before. To have them answer 503 instead, leave serve_known out";

impl Config {
    /// What is allowed and hardly meant, with what to write instead.
    pub fn warnings(&self) -> Vec<&'static str> {
        let mut warnings = Vec::new();
        if self.public_url.is_https() && self.trusted_proxies.is_none() {
            warnings.push(ONE_ADDRESS);
        }
        if let Store::Redis(redis) = &self.store
            && redis.tls.is_none()
            && !redis.servers.hosts().iter().all(Host::is_loopback)
        {
            warnings.push(PLAIN_REDIS);
        }
        if let Store::Redis(redis) = &self.store {
            if redis.promise == Promise::Available {
                warnings.push(AVAILABLE);
            }
            if self.routes.iter().any(|route| !route.serve_known.is_zero()) {
                warnings.push(SERVE_KNOWN);
            }
        }
        warnings
    }
}
