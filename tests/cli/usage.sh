#!/bin/sh
# Help, lists, and mistakes in the arguments: exact text and exit code 2.
. "$(dirname "$0")/common"
cd "$work" || exit 1

run 0 "help" help
holds out "Usage: mwnet COMMAND [ARGUMENTS]"
empty err
cp out overview
run 0 "no command is help"
same . . out
cmp -s out overview && ok "no command: the same text" || bad "no command: another text"
for command in try train eval predict inspect export info list bench fetch; do
    run 0 "help of $command" help "$command"
    holds out "Usage: mwnet $command"
    holds out "Example"
    holds out "Exit codes"
    cp out text
    run 0 "$command --help" "$command" --help
    cmp -s out text && ok "$command --help: the same text" || bad "$command --help: another"
done
run 0 "version" --version
holds out "mwnet 0."

run 2 "unknown command" trian
says err "mwnet: unknown command 'trian'
hint: 'mwnet help' shows the commands"
empty out
run 2 "no recipe" train
says err "mwnet: which recipe?
hint: 'mwnet help train' shows the usage"
run 2 "two recipes" train a.yaml b.yaml
says err "mwnet: one recipe at a time; 'b.yaml' is one too many
hint: 'mwnet help train' shows the usage"
run 2 "unknown long option" train --epochs 3
says err "mwnet: unknown option --epochs
hint: 'mwnet help train' shows the usage"
run 2 "unknown short option" train -x
says err "mwnet: unknown option -x
hint: 'mwnet help train' shows the usage"
run 2 "option without a value" train a.yaml -o
says err "mwnet: -o needs a value
hint: 'mwnet help train' shows the usage"
run 2 "option of another command" eval --dry-run x
says err "mwnet: 'eval' does not take --dry-run
hint: 'mwnet help eval' shows the usage"
run 2 "bad number of threads" train a.yaml --threads two
says err "mwnet: --threads: 'two' is not a number from 1 to 4096
hint: 'mwnet help train' shows the usage"
run 2 "--resume with a recipe" train a.yaml --resume x
says err "mwnet: --resume takes no recipe, -o or --dry-run
hint: 'mwnet help train' shows the usage"
run 2 "eval of nothing" eval
says err "mwnet: name one run's folder or one safetensors file
hint: 'mwnet help eval' shows the usage"
run 2 "info of two files" info a b
says err "mwnet: name one file or one run's folder
hint: 'mwnet help info' shows the usage"
run 2 "info with a setting" info a data.path=b
run 2 "list with a setting" list methods data.path=b
run 2 "help of two commands" help train eval
run 2 "a benchmark that is none" bench --only linear,liner
holds err "there is no benchmark 'liner'"
run 2 "list of nothing known" list model
says err "mwnet: 'model' is not one of methods, models, readers, noises, options, datasets
hint: did you mean 'models'?"

run 2 "unknown key" train train.epoch=3
says err "mwnet: unknown option 'train.epoch'
hint: did you mean 'train.epochs'? 'mwnet list options' shows all"
run 2 "key without its section" train epochs=3
says err "mwnet: unknown option 'epochs'
hint: did you mean 'train.epochs'? 'mwnet list options' shows all"
run 2 "errors as JSON" train --json train.epoch=3
says out "{\"status\": 2, \"error\": \"unknown option 'train.epoch'\", \"hint\": \"did you mean 'train.epochs'? 'mwnet list options' shows all\"}"
run 2 "usage errors as JSON" eval --json
holds out '{"status": 2, "error": "name one run'
printf 'train:\n  epochs: 3\n  momentun: 0.9\n' >slip.yaml
run 2 "unknown key in a recipe" train slip.yaml
says err "mwnet: slip.yaml:3: unknown option 'train.momentun'
hint: did you mean 'train.momentum'? 'mwnet list options' shows all"
printf 'train: {epochs: many}\n' >value.yaml
run 2 "bad value in a recipe" train value.yaml data.path=.
holds err "mwnet: value.yaml:1: train.epochs: 'many' is not an integer"
run 2 "bad value on the command line" train train.lr=fast data.path=.
holds err "mwnet: train.lr: 'fast' is not a number"
run 2 "no data" train train.epochs=1
holds err "mwnet: data.path: "
run 4 "a recipe that is not there" train nothing.yaml
holds err "mwnet: nothing.yaml: "
[ -e runs ] && bad "a failed command makes no folder" || ok "a failed command makes no folder"

# A recipe whose options all are good gets as far as its data.
for recipe in "$here"/recipes/*.yaml; do
    run 4 "recipe ${recipe##*/}" train "$recipe" data.path=nothing --dry-run
done

for what in methods models readers noises options datasets; do
    run 0 "list $what" list "$what"
    run 0 "list $what as JSON" list "$what" --json
    tail -n 1 out | grep -q "^{\"$what\": \[{.*}\]}$" && ok "list $what: one JSON object" ||
        bad "list $what: no JSON object"
done
run 0 "list methods" list methods
holds out "mwnet  "
run 0 "list options" list options
holds out "train.epochs=100"
finish
