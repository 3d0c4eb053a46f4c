"""An index in a folder."""


def index(req):
    return "folder index"


def other(req):
    return "folder other"
