"""The one route of the benchmark's Django site."""

from django.urls import path

from django_site import views

urlpatterns = [path("books/<int:author>/", views.books)]
