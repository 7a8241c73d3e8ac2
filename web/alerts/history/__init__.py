"""The whole history of one alert: changes of state, notifications, and what held it back."""
