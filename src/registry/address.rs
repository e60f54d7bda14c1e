//! Addresses that no registry has unless an operator says so: the machine's own, its neighbours', its cloud's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why nothing is sent to an address on the word of an image, a registry or the DNS. Private networks are none of these:
/// registries live there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum AddressClass {
    /// `0.0.0.0/8` and `::`, which reach the machine itself.
    Unspecified,
    /// The machine itself, where the node's and the API server's own doors are.
    Loopback,
    /// The network segment, where clouds keep their metadata services.
    LinkLocal,
    /// A cloud's metadata service that has another address.
    Metadata,
    /// Everybody at once.
    Multicast,
}

impl AddressClass {
    /// The class of an address, also of one that carries an IPv4 address inside.
    pub(super) fn of(address: IpAddr) -> Option<Self> {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        }
    }

    /// The class of a name that has the same meaning everywhere, whatever the DNS says.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let is_own = name == LOCALHOST
            || name
                .strip_suffix(LOCALHOST)
                .is_some_and(|rest| rest.ends_with('.'));
        if is_own {
            return Some(Self::Loopback);
        }
        METADATA_NAMES.contains(&name).then_some(Self::Metadata)
    }

    /// As it stands in a message.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Unspecified => "an unspecified address",
            Self::Loopback => "a loopback address",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "an address of a cloud's metadata service",
            Self::Multicast => "a multicast address",
        }
    }
}

fn of_v4(address: Ipv4Addr) -> Option<AddressClass> {
    let [first, ..] = address.octets();
    if first == 0 {
        Some(AddressClass::Unspecified)
    } else if address.is_loopback() {
        Some(AddressClass::Loopback)
    } else if address.is_link_local() {
        Some(AddressClass::LinkLocal)
    } else if address.is_multicast() || address.is_broadcast() {
        Some(AddressClass::Multicast)
    } else {
        METADATA_V4
            .contains(&address)
            .then_some(AddressClass::Metadata)
    }
}

fn of_v6(address: Ipv6Addr) -> Option<AddressClass> {
    let [first, second, ..] = address.segments();
    if address.is_unspecified() {
        Some(AddressClass::Unspecified)
    } else if address.is_loopback() {
        Some(AddressClass::Loopback)
    } else if address.is_unicast_link_local() {
        Some(AddressClass::LinkLocal)
    } else if address.is_multicast() {
        Some(AddressClass::Multicast)
    } else if (first, second) == AWS_V6 || METADATA_V6.contains(&address) {
        Some(AddressClass::Metadata)
    } else {
        inside(address).find_map(of_v4)
    }
}

/// The IPv4 addresses that a gateway between the two protocols may read from an IPv6 address.
fn inside(address: Ipv6Addr) -> impl Iterator<Item = Ipv4Addr> {
    let segments = address.segments();
    let [
        ..,
        sixth,
        seventh,
        _,
        ninth,
        tenth,
        eleventh,
        twelfth,
        _,
        _,
        _,
    ] = address.octets();
    let [.., high, low] = segments;
    let last = Some(pair(high, low));
    let by_prefix = match segments {
        // Compatible, mapped and translated (RFC 4291 §2.5.5, RFC 2765 §2.1), NAT64 (RFC 6052 §2.1).
        [0, 0, 0, 0, 0, 0 | 0xffff, _, _]
        | [0, 0, 0, 0, 0xffff, 0, _, _]
        | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => [last, None, None, None],
        // NAT64 of one's own (RFC 8215): each length of prefix puts the address elsewhere, around the octet 8. What
        // begins with 0 is more likely a part of something else.
        [0x64, 0xff9b, 1, ..] => [
            last,
            Some(Ipv4Addr::new(sixth, seventh, ninth, tenth)),
            Some(Ipv4Addr::new(seventh, ninth, tenth, eleventh)),
            Some(Ipv4Addr::new(ninth, tenth, eleventh, twelfth)),
        ]
        .map(|found| found.filter(|found| !matches!(found.octets(), [0, ..]))),
        // 6to4 (RFC 3056 §2).
        [0x2002, high, low, ..] => [Some(pair(high, low)), None, None, None],
        // Teredo: the client's address, inverted (RFC 4380 §4).
        [0x2001, 0, ..] => [Some(pair(!high, !low)), None, None, None],
        _ => [None; 4],
    };
    // ISATAP, below any prefix (RFC 5214 §6.1).
    let is_isatap = matches!(segments, [_, _, _, _, 0 | 0x200, 0x5efe, _, _]);
    let by_interface = last.filter(|_| is_isatap);
    by_prefix.into_iter().flatten().chain(by_interface)
}

fn pair(high: u16, low: u16) -> Ipv4Addr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}

/// What stands for the machine itself (RFC 6761 §6.3), and every name below it.
const LOCALHOST: &str = "localhost";

/// The names of metadata services that do not depend on where one is.
const METADATA_NAMES: [&str; 3] = [
    "metadata.google.internal",
    "metadata.goog",
    "instance-data.ec2.internal",
];

/// Alibaba Cloud, Azure's wire server, Oracle Cloud's older address.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(192, 0, 0, 192),
];

/// `fd00:ec2::/32`, where AWS keeps its local services: metadata, Pod identities.
const AWS_V6: (u16, u16) = (0xfd00, 0xec2);

/// Google Cloud, Oracle Cloud.
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<AddressClass> {
        AddressClass::of(text.parse().expect("an address"))
    }

    #[test]
    fn every_special_address_has_its_class_in_every_form() {
        use AddressClass::{LinkLocal, Loopback, Metadata, Multicast, Unspecified};
        for (text, class) in [
            ("0.0.0.0", Unspecified),
            ("0.1.2.3", Unspecified),
            ("::", Unspecified),
            ("127.0.0.1", Loopback),
            ("127.255.255.254", Loopback),
            ("::1", Loopback),
            ("::ffff:127.0.0.1", Loopback),
            ("::127.0.0.1", Loopback),
            ("::ffff:0:127.0.0.1", Loopback),
            ("64:ff9b::7f00:1", Loopback),
            ("2002:7f00:1::", Loopback),
            ("169.254.169.254", LinkLocal),
            ("169.254.170.2", LinkLocal),
            ("169.254.170.23", LinkLocal),
            ("fe80::1", LinkLocal),
            ("febf::1", LinkLocal),
            ("::ffff:169.254.169.254", LinkLocal),
            ("64:ff9b::a9fe:a9fe", LinkLocal),
            ("64:ff9b:1::a9fe:a9fe", LinkLocal),
            ("64:ff9b:1:a9fe:a9:fe00::", LinkLocal),
            ("64:ff9b:1:a9:fe:a9fe::", LinkLocal),
            ("64:ff9b:1:0:a9:fea9:fe00::", LinkLocal),
            ("2002:a9fe:a9fe::1", LinkLocal),
            ("2001:0:53aa:64c:0:0:5601:5601", LinkLocal),
            ("2001:db8::5efe:a9fe:a9fe", LinkLocal),
            ("2002:a00:1:0:0:5efe:a9fe:a9fe", LinkLocal),
            ("2002:7f00:1:0:0:5efe:a00:1", Loopback),
            ("64:ff9b:1:7f00:0:5efe:a00:1", Loopback),
            ("100.100.100.200", Metadata),
            ("168.63.129.16", Metadata),
            ("192.0.0.192", Metadata),
            ("fd00:ec2::254", Metadata),
            ("fd00:ec2::23", Metadata),
            ("fd20:ce::254", Metadata),
            ("fd00:c1::a9fe:a9fe", Metadata),
            ("::ffff:168.63.129.16", Metadata),
            ("224.0.0.1", Multicast),
            ("255.255.255.255", Multicast),
            ("ff02::1", Multicast),
        ] {
            assert_eq!(of(text), Some(class), "{text}");
        }
    }

    #[test]
    fn private_and_public_addresses_have_none() {
        for text in [
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "1.1.1.1",
            "128.0.0.1",
            "169.253.0.1",
            "168.63.129.15",
            "::ffff:10.0.0.1",
            "fd00::1",
            "fd00:ec3::254",
            "2001:db8::1",
            "2002:a00:1::1",
            "64:ff9b::a00:1",
            "64:ff9b:1::a00:1",
            "2606:4700::1111",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn names_for_the_machine_and_for_metadata_are_known_without_the_dns() {
        for (name, class) in [
            ("localhost", Some(AddressClass::Loopback)),
            ("localhost.", Some(AddressClass::Loopback)),
            ("a.localhost", Some(AddressClass::Loopback)),
            ("notlocalhost", None),
            ("localhost.example", None),
            ("metadata.google.internal", Some(AddressClass::Metadata)),
            ("metadata.google.internal.", Some(AddressClass::Metadata)),
            ("registry.example", None),
        ] {
            assert_eq!(AddressClass::of_name(name), class, "{name}");
        }
    }
}
