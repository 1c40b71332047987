"""Browser phones without the browser: what SIP.js and JsSIP say over WS and WSS, and what they are answered."""

from scenarios import scenario
from scenarios.transports import secured
from web_phone import web_phone

ANSWERS = [("REGISTER", 200), ("OPTIONS", 200), ("MESSAGE", 200), ("REGISTER", 200)]


async def signs_in_and_out(world, library, transport):
    hotline, authority = await secured(world, transport, websocket__ping_s=1)
    colleague = await world.desk(hotline, "1002", ready=False)
    server = f"{transport}://{hotline.server(transport)}"
    answers = await web_phone(library, server, "1001", hotline.password("1001"), authority.path, to="1002")
    assert answers == ANSWERS, answers
    assert colleague.texts() == ["hello"], colleague.texts()
    await hotline.logged("contacts=0")


@scenario
async def sip_js_over_ws(world):
    """SIP.js: REGISTER with digest, OPTIONS, MESSAGE, its keep-alive, sign-off over WS"""
    await signs_in_and_out(world, "sip.js", "ws")


@scenario
async def sip_js_over_wss(world):
    """the same over WSS"""
    await signs_in_and_out(world, "sip.js", "wss")


@scenario
async def jssip_over_ws(world):
    """JsSIP: REGISTER with digest, OPTIONS, MESSAGE, sign-off over WS"""
    await signs_in_and_out(world, "jssip", "ws")


@scenario
async def jssip_over_wss(world):
    """the same over WSS"""
    await signs_in_and_out(world, "jssip", "wss")
