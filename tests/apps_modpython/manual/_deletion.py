"""What pages share, and nobody is to call from outside."""


def delete(req):
    return "deleted"
