"""The recurrent glimpse regressor: it looks eight times, then says where it is."""

from glimpse_rnn.locator import Locator

__all__ = ["Locator"]
