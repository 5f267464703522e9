//! `trusted_proxies`: whose word on who calls counts.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::config::{Section, problem::Flaw};

pub(super) fn read(root: &mut Section<'_>) -> Option<Vec<IpNet>> {
    root.list("trusted_proxies", network)
}

/// An address, or all that begin like it.
fn network(text: &str) -> Result<IpNet, Flaw> {
    let remedy = || "write it like \"10.0.0.0/8\", \"192.0.2.7\" or \"2001:db8::/32\"".to_owned();
    let address: Result<IpAddr, _> = text.parse();
    let net = match address {
        Ok(address) => IpNet::from(address),
        Err(_no_address) => text.parse().map_err(|_no_network| ("this is no address and no network".to_owned(), remedy()))?,
    };
    if net.prefix_len() == 0 {
        return Err(("this is everybody, and then everybody can say that he is somebody else".to_owned(), remedy()));
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
