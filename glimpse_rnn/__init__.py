"""The recurrent glimpse regressor: it looks eight times, then says where it is."""
