/* cmd_list.h - every command, one line each, in the order of the help. */
CMD(train)
CMD(eval)
CMD(info)
CMD(list)
CMD(bench)
CMD(audit)
CMD(why)
CMD(help)
