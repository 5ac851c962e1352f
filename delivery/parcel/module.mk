# Messages as the spool hands them to whoever delivers them or sends them on.
parcel_SRCS := delivery/parcel/parcel.c
