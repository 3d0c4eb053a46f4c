"""A module in a directory that is not for the public."""


def delete(req):
    return "deleted"
