"""A mail server (RFC 5321) that keeps what it is given; and refuses, hangs up or lies where it is told to."""

import asyncio
import email
import email.policy
import ssl


class SmtpSink:
    """`moods` are taken one a conversation, then all is accepted: `refuse` and `later` answer the addressee with 550
    and 451, `drop` hangs up in place of the answer to the mail, `silent` says nothing, `dribble` an octet each half second,
    `nonsense` is no mail server at all, `unsaid` takes the mail and then answers with what nobody asked for."""

    def __init__(self, host, moods=(), certificate=None):
        self.host, self.moods, self.certificate = host, list(moods), certificate
        self.mails, self.conversations, self.secured = [], 0, 0
        self.server = self.port = None
        self.arrived = asyncio.Event()

    async def start(self, port=0):
        self.server = await asyncio.start_server(self.talk, self.host, port, limit=1 << 25)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def stop(self):
        if self.server:
            self.server.close()

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    async def mail(self, number=0, timeout=30):
        """The mail with this number, counted from the first."""
        async with asyncio.timeout(timeout):
            while len(self.mails) <= number:
                self.arrived.clear()
                await self.arrived.wait()
        return self.mails[number]

    async def talk(self, reader, writer):
        try:
            await self.converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def converse(self, reader, writer):
        self.conversations += 1
        mood = self.moods.pop(0) if self.moods else "accept"
        if mood == "silent":
            await reader.read()
            return

        if mood == "dribble":
            while True:
                writer.write(b"2")
                await writer.drain()
                await asyncio.sleep(0.5)

        if mood == "nonsense":
            writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            await reader.read()
            return

        async def say(line):
            writer.write(f"{line}\r\n".encode())
            await writer.drain()

        secured, recipients = False, []
        await say("220 sink ESMTP")
        while line := (await reader.readline()).decode().strip():
            word = line.split()[0].upper()
            if word == "EHLO":
                offers = ["sink", "8BITMIME", "SMTPUTF8"]
                offers += ["STARTTLS"] if self.certificate and not secured else []
                for at, offer in enumerate(offers):
                    await say(f"250{'-' if at + 1 < len(offers) else ' '}{offer}")
            elif word == "STARTTLS":
                await say("220 go on")
                context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                context.load_cert_chain(*self.certificate)
                await writer.start_tls(context)
                secured, self.secured = True, self.secured + 1
            elif word == "RCPT":
                if mood == "refuse":
                    await say("550 no such addressee")
                elif mood == "later":
                    await say("451 try later")
                else:
                    recipients.append(line.partition(":")[2].strip("<> "))
                    await say("250 fine")
            elif word == "DATA":
                await say("354 go on")
                octets = await reader.readuntil(b"\r\n.\r\n")
                if mood == "drop":
                    return
                if mood == "unsaid":
                    await say("354 go on")
                    continue
                mail = email.message_from_bytes(octets[:-3].replace(b"\r\n..", b"\r\n."), policy=email.policy.default)
                self.mails.append((recipients, mail))
                self.arrived.set()
                await say("250 kept")
            elif word == "QUIT":
                await say("221 bye")
                return
            else:
                await say("250 fine")
