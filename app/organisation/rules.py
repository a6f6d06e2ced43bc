"""The licences under which photos and records can be given away."""

from enum import StrEnum


class Licence(StrEnum):
    """Those that GBIF takes, under their SPDX names."""

    CC0 = "CC0-1.0"
    CC_BY = "CC-BY-4.0"
    CC_BY_NC = "CC-BY-NC-4.0"


LICENCE_URLS = {
    Licence.CC0: "https://creativecommons.org/publicdomain/zero/1.0/legalcode",
    Licence.CC_BY: "https://creativecommons.org/licenses/by/4.0/legalcode",
    Licence.CC_BY_NC: "https://creativecommons.org/licenses/by-nc/4.0/legalcode",
}
