# A real SMTP server for the tests: it stores every message as DIR/N.eml, prints
# its port, and ends with its standard input. Arguments: DIR, plain|starttls|tls,
# certificate, key. User "office", password "secret" (not asked for in "plain").
# DIR/refuse holds an answer to RCPT, if it exists; DIR/hangup lets the server
# vanish after a message was taken and before it says so.
import asyncio, os, ssl, sys, warnings
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

warnings.simplefilter("ignore")
folder, mode, cert, key = sys.argv[1:5]
context = None
if mode != "plain":
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)


class Box:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        refuse = os.path.join(folder, "refuse")
        if os.path.exists(refuse):
            return open(refuse).read().strip()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        Box.count += 1
        name = os.path.join(folder, "%d.eml" % Box.count)
        with open(name + "~", "wb") as f:
            f.write(b"X-Secure: %s\r\n" % (b"yes" if session.ssl or mode == "tls" else b"no"))
            f.write(b"X-Receiver: %s\r\n" % ",".join(envelope.rcpt_tos).encode())
            f.write(envelope.content)
        os.rename(name + "~", name)
        hangup = os.path.join(folder, "hangup")
        if os.path.exists(hangup):
            os.remove(hangup)
            server.transport.abort()
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    ok = isinstance(data, LoginPassword) and data.login == b"office" and data.password == b"secret"
    return AuthResult(success=ok, handled=False)


def smtp():
    return SMTP(
        Box(), hostname="mail.test", enable_SMTPUTF8=True,
        tls_context=context if mode == "starttls" else None, require_starttls=mode == "starttls",
        auth_required=mode != "plain", auth_require_tls=mode == "starttls", authenticator=authenticate,
    )


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(smtp, "127.0.0.1", 0, ssl=context if mode == "tls" else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
