"""The authentication example of the manual, with functions."""

__auth_realm__ = "Members only"


def __auth__(req, user, passwd):
    return (user == "eggs" and passwd == "spam") or (user == "joe" and passwd == "eoj")


def __access__(req, user):
    return user == "eggs"


def hello(req):
    return "hello"
