# plot_growth.awk - draws the output of bench/growth.sh as SVG: time against batch, depth and
# squared width (the work of a network grows with its square), each with its least-squares
# line. With -v fit=1 prints, for a table, the largest distance from the line instead.
function measure(axis, i, w) {
    s = sx = sy = sxx = sxy = 0
    for (i = 1; i <= n[axis]; i++) {
        w = 1 / (y[axis, i] * y[axis, i]) # relative distances count
        s += w; sx += w * x[axis, i]; sy += w * y[axis, i]
        sxx += w * x[axis, i] * x[axis, i]; sxy += w * x[axis, i] * y[axis, i]
    }
    slope[axis] = (s * sxy - sx * sy) / (s * sxx - sx * sx)
    base[axis] = (sy - slope[axis] * sx) / s
    worst[axis] = 0
    for (i = 1; i <= n[axis]; i++) {
        d = y[axis, i] / (base[axis] + slope[axis] * x[axis, i]) - 1
        if (d < 0) d = -d
        if (d > worst[axis]) worst[axis] = d
    }
}
function panel(axis, title, left, i, xm, ym, px, py) {
    xm = x[axis, n[axis]]; ym = 0
    for (i = 1; i <= n[axis]; i++) if (y[axis, i] > ym) ym = y[axis, i]
    printf "<text x=\"%d\" y=\"30\" class=\"title\">%s</text>\n", left, title
    printf "<path d=\"M%d 50v160h200\" class=\"axis\"/>\n", left
    printf "<text x=\"%d\" y=\"226\">0</text><text x=\"%d\" y=\"226\" class=\"right\">%g</text>\n", left, left + 200, xm
    printf "<text x=\"%d\" y=\"62\">%.2g s</text>\n", left + 4, ym
    printf "<path d=\"M%.1f %.1fL%.1f %.1f\" class=\"line\"/>\n", left, 210 - 150 * base[axis] / ym, left + 200, 210 - 150 * (base[axis] + slope[axis] * xm) / ym
    for (i = 1; i <= n[axis]; i++)
        printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>\n", left + 200 * x[axis, i] / xm, 210 - 150 * y[axis, i] / ym
}
{
    at = ++n[$1]
    x[$1, at] = $1 == "width" ? $2 * $2 : $2
    y[$1, at] = $3
}
END {
    measure("batch"); measure("depth"); measure("width")
    if (fit) {
        printf "| batch 10 to 400, ResNet-20 | %.1f %% |\n", 100 * worst["batch"]
        printf "| depth 20 to 56, batch 50 | %.1f %% |\n", 100 * worst["depth"]
        printf "| width 1 to 8 (against its square), WRN-10, batch 20 | %.1f %% |\n", 100 * worst["width"]
        exit
    }
    print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 240\" font-family=\"sans-serif\" font-size=\"12\">"
    print "<style>.title{font-weight:bold;font-size:14px}.right{text-anchor:end}.axis{fill:none;stroke:#888}.line{stroke:#c60;stroke-width:2}circle{fill:#06c}</style>"
    print "<rect width=\"760\" height=\"240\" fill=\"white\"/>"
    panel("batch", "ResNet-20: batch", 30)
    panel("depth", "batch 50: depth", 280)
    panel("width", "WRN-10: squared width", 530)
    print "</svg>"
}
