# Busybox declares a pointer const and then writes it at start-up. LLVM believes the const and reads the pointer before it is
# written: httpd, wget and top crash. Drop the const, together with CONFIG_EXTRA_CFLAGS="-DBB_GLOBAL_CONST=".
s/extern struct globals \*const ptr_to_globals;/extern struct globals *BB_GLOBAL_CONST ptr_to_globals;/
