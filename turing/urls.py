app_name = "turing"
urlpatterns: list = []
