"""Texts: SIP MESSAGE from phone to phone, and between the two of a call."""

from scenarios import scenario


async def written(phone, uri, text, kind="text/plain"):
    """The status that the sender hears."""
    return (await phone.ua.request("MESSAGE", uri, body=text.encode(), ctype=kind, contact=False)).code


async def arrived(phone, text):
    """What a phone under PJSIP was sent."""
    event = await phone.wait("text")
    assert event["body"] == text, event


@scenario
async def text_to_a_colleague(world):
    """from a signed-in phone to another, over UDP and TCP; the sender hears 200 from the reader's phone only"""
    hotline = await world.hotline()
    first = await world.desk(hotline, "1001", ready=False)
    second = await world.desk(hotline, "1002", ready=False, tcp=True)
    assert await written(first, hotline.uri("1002"), "请来一下") == 200
    assert second.texts() == ["请来一下"], second.texts()
    assert await written(second, hotline.uri("1001", tcp=True), "on my way") == 200
    assert first.texts() == ["on my way"], first.texts()
    assert "texts delivered" in await hotline.command("status")
    assert "请来一下" not in hotline.log() and "on my way" not in hotline.log()


@scenario
async def text_between_pjsip_and_the_scripted_phone(world):
    """PJSIP reads a text and writes one"""
    hotline = await world.hotline()
    first = await world.desk(hotline, "1001", ready=False)
    second = await world.desk(hotline, "1002", "pjsip", ready=False)
    assert await written(first, hotline.uri("1002"), "hello") == 200
    await arrived(second, "hello")
    assert await second.text(hotline.uri("1001"), "welcome") == 200
    assert first.texts() == ["welcome"], first.texts()


@scenario
async def texts_that_cannot_be_delivered(world):
    """404 nobody, 480 no phone, 403 a caller, 415 another type, 413 too long: never 200"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001", ready=False)
    caller = await world.caller()
    assert await written(desk, hotline.uri("4711"), "hi") == 404
    assert await written(desk, hotline.uri("1002"), "hi") == 480
    assert await written(caller, hotline.uri("1001"), "hi") == 403
    assert await written(desk, hotline.uri("1001"), "<b>hi</b>", "text/html") == 415
    assert await written(desk, hotline.uri("1001"), "x" * 801) == 413
    assert not desk.texts()


@scenario(weight=2)
async def text_in_a_call(world):
    """goes to the other party, both ways; to a caller whom nobody has answered yet it is 480"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001", auto=None)
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await desk.ringing()
    await caller.in_call()

    async def say(phone, text):
        return (await phone.call.dialog_request("MESSAGE", body=text.encode(), ctype="text/plain")).code

    assert await say(caller, "anybody there?") == 480
    await desk.answer()
    await desk.in_call()
    assert await say(caller, "my number is 7") == 200
    assert await say(desk, "thank you") == 200
    assert desk.texts() == ["my number is 7"] and caller.texts() == ["thank you"], (desk.texts(), caller.texts())
    await caller.hang_up()
    await desk.over()
