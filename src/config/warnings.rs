//! What is allowed and hardly meant.

use super::{Config, Host, Store};

const ONE_ADDRESS: &str = "every caller would be counted as one address: public_url is https, so TLS ends before the gateway, and no proxy \
is listed. List your load balancer under trusted_proxies; if there is none that forwards addresses, write trusted_proxies = []";
const PLAIN_REDIS: &str = "Redis is on another machine and spoken to without TLS: whoever is on the way can read its password and all that \
is kept, and change it. Let Redis listen with TLS, and write rediss instead of redis in the url of [store]";

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
        warnings
    }
}
