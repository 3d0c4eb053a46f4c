"""The feedback form of the tutorial; the message is kept in place of being sent."""

WEBMASTER = "webmaster"

MESSAGE = """\
From: %s
Subject: feedback
To: %s

I have the following comment:

%s

Thank You,

%s
"""


def email(req, name, email, comment):
    if not (name and email and comment):
        return "A required parameter is missing, please go back and correct the error"
    req.headers_out["X-Message-Length"] = str(len(MESSAGE % (email, WEBMASTER, comment, name)))
    return (
        """\
<html>

Dear %s,<br>
Thank You for your kind comments, we
will get back to you shortly.

</html>"""
        % name
    )
