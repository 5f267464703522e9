//! Lists of networks.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Section;
use crate::config::problem::Flaw;

impl Section<'_> {
    /// A list of addresses and networks. `all` says what is wrong with a network that is all of them.
    pub fn networks(&mut self, key: &'static str, all: &str) -> Option<Vec<IpNet>> {
        self.list(key, |text| network(text, all))
    }
}

/// An address, or all that begin like it.
fn network(text: &str, all: &str) -> Result<IpNet, Flaw> {
    let remedy = || "write it like \"10.0.0.0/8\", \"192.0.2.7\" or \"2001:db8::/32\"".to_owned();
    let address: Result<IpAddr, _> = text.parse();
    let net = match address {
        Ok(address) => IpNet::from(address),
        Err(_no_address) => text.parse().map_err(|_no_network| ("this is no address and no network".to_owned(), remedy()))?,
    };
    if net.prefix_len() == 0 {
        return Err((all.to_owned(), remedy()));
    }
    if let IpNet::V6(v6) = net
        && v6.addr().to_ipv4_mapped().is_some()
    {
        return Err(("IPv4 addresses are compared as such".to_owned(), "write it without `::ffff:`, like \"10.0.0.0/8\"".to_owned()));
    }
    let first = net.trunc();
    if first == net {
        Ok(net)
    } else {
        Err((format!("{net} has bits beyond its prefix"), format!("write \"{first}\", or the address alone")))
    }
}
