"""Networks: every address in the networks that hold it, and nothing that is no address."""

import random
from ipaddress import ip_address

from router.detect import values
from router.detect.engine.networks import Networks

ODD = (
    *("", "1.2.3", "1.2.3.4 ", " 1.2.3.4", "01.2.3.4", "1.2.3.256", "1.2.3.4\n", "1.2.3.04", "1.2.3.4/8", "1.2.3.4.5", "12345"),
    *("::", "::1", "::ffff:1.2.3.4", "::ffff:01.2.3.4", "fe80::1%eth0", "fe80::1%", "1:2", "g::", "::\x00", "1.2.3.4\x00"),
    *("0.0.0.0", "000.0.0.0", "255.255.255.255", "1..2.3", "١.٢.٣.٤"),
)


def test_an_address_is_in_the_networks_that_hold_it():
    chance = random.Random(1)
    networks = [(0, 4, 0, 2**32 - 1), (1, 6, 0, 2**128 - 1)]
    for atom in range(2, 200):
        version, bits = chance.choice([(4, 32), (6, 128)])
        first = chance.getrandbits(bits)
        networks.append((atom, version, first, min(first + chance.getrandbits(chance.randint(1, bits - 1)), 2**bits - 1)))
    edges = [str(ip_address(cut)) for _, v, low, high in networks for cut in (low, high) if v == (4 if cut < 2**32 else 6)]
    found = Networks(networks)
    for text in (
        *ODD,
        *edges,
        *(_dotted(chance) for _ in range(3000)),
        *(str(ip_address(chance.getrandbits(128))) for _ in range(500)),
    ):
        address = values.address(text)
        wanted = [atom for atom, v, low, high in networks if address and v == address.version and low <= int(address) <= high]
        assert sorted(found.of(text)) == wanted, text


def _dotted(chance):
    return ".".join(str(chance.choice([chance.randint(0, 256), chance.randint(0, 9)])) for _ in range(4))
