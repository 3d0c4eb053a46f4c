"""A small Flask site: a route with a converter, a query parameter, and a JSON answer."""

from flask import Flask, request

BOOKS = [{"title": f"Book <{number}>", "author": f"Author {number % 3}"} for number in range(3)]

application = Flask(__name__)


@application.route("/shelf/<int:number>")
def shelf(number):
    books = BOOKS if request.args.get("order", "up") == "up" else BOOKS[::-1]
    return {"shelf": number, "books": books}
