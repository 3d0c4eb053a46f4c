"""What a handler sees of a request."""

from mod_python import apache


def handler(req):
    req.content_type = "text/plain"
    req.add_cgi_vars()
    pw = req.get_basic_auth_pw()
    facts = {
        "method": req.method,
        "method_number": req.method_number,
        "uri": req.uri,
        "unparsed_uri": req.unparsed_uri,
        "args": req.args,
        "path_info": req.path_info,
        "the_request": req.the_request,
        "protocol": req.protocol,
        "proto_num": req.proto_num,
        "hostname": req.hostname,
        "header_only": bool(req.header_only),
        "assbackwards": req.assbackwards,
        "status": req.status,
        "content_type_set": bool(req._content_type_set),
        "accept": req.headers_in.get("ACCEPT", "none"),
        "has": "x-field" in req.headers_in,
        "is_https": req.is_https(),
        "remote_ip": req.connection.remote_ip,
        "remote_host": req.get_remote_host(apache.REMOTE_NOLOOKUP),
        "user": req.user,
        "password": pw,
        "parsed_path": req.parsed_uri[apache.URI_PATH],
        "parsed_query": req.parsed_uri[apache.URI_QUERY],
        "sent_bodyct": req.sent_bodyct,
        "query_string": req.subprocess_env["QUERY_STRING"],
        "request_method": req.subprocess_env["REQUEST_METHOD"],
        "construct_url": req.construct_url("/a?b"),
        "body": req.read(3) + req.readline(),
        "lines": req.readlines(),
        "phase": req.phase,
        "interpreter_type": type(req.interpreter).__name__,
        "read_length": req.read_length,
        "allowed": req.allowed,
        "range": req.range,
    }
    for name in sorted(facts):
        req.write("%s: %r\n" % (name, facts[name]), 0)
    return apache.OK
