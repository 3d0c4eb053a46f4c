"""A small Flask site: a route with a converter, a query parameter, and a template with a loop."""

from flask import Flask, render_template, request

BOOKS = [{"title": f"Book <{number}>", "author": f"Author {number % 3}"} for number in range(5)]

application = Flask(__name__)


@application.route("/shelf/<int:number>")
def shelf(number):
    books = BOOKS if request.args.get("order", "up") == "up" else BOOKS[::-1]
    return render_template("shelf.html", number=number, books=books)
