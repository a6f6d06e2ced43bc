"""Licences by name. Which number Flickr gives a licence is asked from Flickr itself, never assumed.

Flickr numbers licences; 11 to 16 joined in June 2025 for the Creative Commons licences 4.0. Its table
(``flickr.photos.licenses.getInfo``) gives each number the address of the licence's text, and that says which one it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# In the order of how much they permit; the sentence is what reports and documents say of them.
LICENCES: dict[str, str] = {
    "cc0": "given to the public domain: any use",
    "public-domain-mark": "free of known copyright: any use",
    "us-government": "work of the United States government: free within the United States, mostly free elsewhere",
    "no-known-restrictions": "an institution knows of no rights (Flickr Commons)",
    "cc-by": "any use, with credit",
    "cc-by-sa": "any use, with credit; adaptations under the same licence",
    "cc-by-nc": "non-commercial use, with credit",
    "cc-by-nc-sa": "non-commercial use, with credit; adaptations under the same licence",
    "cc-by-nd": "any use, with credit; adaptations may not be published",
    "cc-by-nc-nd": "non-commercial use, with credit; adaptations may not be published",
    "all-rights-reserved": "no use without the photographer's permission",
}
# Those that let anyone use and adapt the photo for any purpose.
REUSABLE = ("cc0", "public-domain-mark", "us-government", "no-known-restrictions", "cc-by", "cc-by-sa")

_CREATIVE_COMMONS = re.compile(r"creativecommons\.org/licenses/(by(?:-nc)?(?:-sa|-nd)?)/(\d\.\d)")
_ADDRESSES = (
    ("creativecommons.org/publicdomain/zero", "cc0", "CC0 1.0"),
    ("creativecommons.org/publicdomain/mark", "public-domain-mark", "Public Domain Mark 1.0"),
    ("flickr.com/commons/usage", "no-known-restrictions", "No known copyright restrictions"),
    ("usa.gov", "us-government", "United States Government Work"),
)


@dataclass(frozen=True)
class Licence:
    """One row of Flickr's table. ``name`` is one of LICENCES, or None for a licence that we don't know;
    ``title`` is for people ("CC BY-SA 4.0"); ``url`` leads to its text, empty where there is none.
    """

    id: str
    name: str | None
    title: str
    url: str


def licence_from(identifier: str, flickr_name: str, url: str) -> Licence:
    """Recognise a row of Flickr's table by the address of the licence's text."""
    safe_url = url if re.match(r"https?://", url) else ""
    match = _CREATIVE_COMMONS.search(url)
    if match:
        kind, version = match.groups()
        return Licence(identifier, f"cc-{kind}", f"CC {kind.upper()} {version}", safe_url)
    for address, name, title in _ADDRESSES:
        if address in url:
            return Licence(identifier, name, title, safe_url)
    if identifier == "0":
        return Licence(identifier, "all-rights-reserved", "All rights reserved", safe_url)
    return Licence(identifier, None, flickr_name or f"Flickr licence {identifier}", safe_url)


def identifiers(names: Iterable[str], table: Mapping[str, Licence]) -> list[str]:
    """Flickr's numbers of the named licences, every version of each, in numerical order.

    Raises:
        ValueError: Flickr's table has none of them.
    """
    chosen = set(names)
    numbers = [licence.id for licence in table.values() if licence.name in chosen]
    if not numbers:
        raise ValueError(f"Flickr lists none of the licences {', '.join(sorted(chosen))}")
    return sorted(numbers, key=lambda number: (len(number), number))
