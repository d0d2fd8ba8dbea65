"""Receives mail as a mail server does: SMTP with STARTTLS and a login where a certificate is given. Writes one JSON object per mail to a file.

    mail.py PORT FILE [refuse N] [tls CERTIFICATE KEY]

`refuse N`: the first N mails are answered 451.
"""

import email
import email.policy
import json
import ssl
import sys
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

port, path, more = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
refusals = int(more[more.index("refuse") + 1]) if "refuse" in more else 0


class Keep:
    async def handle_DATA(self, server, session, envelope):
        global refusals
        refusals -= 1
        if refusals >= 0:
            return "451 not now"
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        told = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": {name.lower(): str(value) for name, value in mail.items()},
            "names": [name.lower() for name in mail.keys()],
            "type": mail.get_content_type(),
            "text": mail.get_content(),
            "defects": [str(defect) for defect in mail.defects],
            "tls": session.ssl is not None,
            "login": getattr(session, "auth_data", None),
        }
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(told) + "\n")
        return "250 kept"


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=data.password == b"p4ss w0rd", auth_data=data.login.decode())


options = {}
if "tls" in more:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*more[more.index("tls") + 1 :][:2])
    options = {"tls_context": context, "require_starttls": True, "authenticator": authenticate, "auth_required": True}
Controller(Keep(), hostname="127.0.0.1", port=port, **options).start()
threading.Event().wait()
