"""Fills a new instance: `zconsole run etc/zope.conf contents.py` (Zope gives `app`, the root of its database)."""

import transaction

LARGE = b"".join(b"%015d\n" % number for number in range(93_750))

SCRIPT = """
request = container.REQUEST
request.RESPONSE.setHeader('X-From-Script', 'yes')
return 'method %s, a=%s' % (request['REQUEST_METHOD'], request.form.get('a'))
"""

UPLOAD = """
file = container.REQUEST.form['file']
return '%s, %s bytes' % (file.filename, len(file.read()))
"""

PIECES = """
response = container.REQUEST.RESPONSE
response.setHeader('Content-Type', 'text/plain')
for number in range(10):
    response.write(('piece %d\\n' % number).encode())
"""

TEMPLATE = """<ul xmlns:tal="http://xml.zope.org/namespaces/tal">
<li tal:repeat="name container/folder/objectIds" tal:content="name">name</li>
</ul>"""

factory = app.manage_addProduct  # noqa: F821
factory["OFSP"].manage_addFile("large", file=LARGE, content_type="application/octet-stream")
factory["OFSP"].manage_addFile("small", file=b"small\n", content_type="text/plain")
factory["OFSP"].manage_addFolder("folder", title="Ein Ordner: ü")
for name in ("one", "two"):
    app.folder.manage_addProduct["OFSP"].manage_addFolder(name)  # noqa: F821
factory["OFSP"].manage_addDTMLMethod("dtml", file='<dtml-in "folder.objectIds()"><dtml-var sequence-item>\n</dtml-in>')
factory["PageTemplates"].manage_addPageTemplate("template", text=TEMPLATE)
for name, body in (("asked", SCRIPT), ("upload", UPLOAD), ("pieces", PIECES)):
    factory["PythonScripts"].manage_addPythonScript(name)
    app[name].write(body)  # noqa: F821
transaction.commit()
