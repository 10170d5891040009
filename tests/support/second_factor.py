"""An app with codes, as the user of a second factor has one on the phone."""

import re

from tests.support.cabinet import PASSWORD, Cabinet, PageText
from widget_api import clock

PATH = "/cabinet/account/factor"
CODE_PATH = "/cabinet/sign-in/code"


class Device:
    """An app with codes. `code` is that of a time step: 0 the present one, -1 the one before."""

    def __init__(self, secret: str) -> None:
        self.secret = secret

    def code(self, step: int = 0) -> str:
        import pyotp

        return str(pyotp.TOTP(self.secret).at(clock.now() + 30 * step))


async def set_up(cabinet: Cabinet, password: str = PASSWORD) -> tuple[Device, list[str]]:
    """Set up a second factor on the pages of the cabinet. Returns the device and the recovery codes."""
    form = (await cabinet.read(PATH)).form(PATH)
    page = (await cabinet.client.post(PATH, data=form.fields | {"password": password})).text
    device = Device(shown_secret(page))
    form = PageText(page).form(f"{PATH}/confirm")
    page = (await cabinet.client.post(form.action, data=form.fields | {"code": device.code()})).text
    codes = re.findall(r"<li><code>([a-z0-9]{5}(?: [a-z0-9]{5}){2})</code></li>", page)
    assert len(codes) == 10, page
    return device, codes


def shown_secret(page: str) -> str:
    found = re.search(r'class="factor-secret">([A-Z2-7 ]+)<', page)
    assert found is not None, page
    return found[1].replace(" ", "")
