"""Functions that protect themselves."""


def sensitive(req):
    def __auth__(req, user, password):
        if user == "spam" and password == "eggs":
            return 1
        else:
            return 0

    return "sensitive information"


def closed(req):
    __auth__ = 0
    return "never seen"


def limited(req):
    def __auth__(req, user, password):
        return password == "eggs"

    def __access__(req, user):
        return user == "spam"

    __auth_realm__ = "inner realm"
    return "limited"
