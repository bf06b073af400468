/* chinese: every wording of the report in simplified Chinese, by the file that says it first:
 * report/ from a to z, then what a run says on its way. What stands in a code span or names a
 * tensor, stage, mode, kernel or unit stays as it is. A mark that closes **bold** or *italic*
 * stands before the punctuation, never after it: else Markdown does not take it for the end. */
#include "report/language.h"

const Phrase chinese[] = {
    /* --- acts.c ------------------------------------------------------------------------------- */
    {"all tokens alike", "所有词元（程度相同）"},
    {"all tokens, single ones more", "所有词元（个别词元更甚）"},
    {"all tokens, typical ones more", "所有词元（典型词元更甚）"},
    {"single tokens", "个别词元"},
    {"typical tokens", "典型词元"},
    {"single tokens one way and typical ones the other", "个别词元与典型词元（方向相反）"},
    {"The error of all tokens together may be that of a few, which one clipped value is enough "
     "for. So the *median token's* stands beside it: the relative error of a token, median over "
     "the tokens of a prompt. *Acts on* is what the factors of both say, where their intervals "
     "over prompts and that of the one over the other leave no change out: all tokens alike, "
     "single tokens (all together changes, the median token does not), or typical ones (the other "
     "way round).\n\n",
     "全部词元合计的误差可能只来自少数词元，一个被截断的值就足够。因此旁边给出*中位词元*"
     "的误差：单个词元的相对误差，取一个提示内各词元的中位数。*作用于*"
     "由两者的倍数得出，前提是它们在提示间的区间以及两者之比的区间排除了毫无变化：所有词元一样、个"
     "别词元（合计改变而中位词元不变）或典型词元（反之）。\n\n"},

    /* --- bits.c ------------------------------------------------------------------------------- */
    {"bits per byte", "每字节比特数"},
    {"bits a token", "每词元比特数"},
    {"%s predicts better, of this pair alone (not where all pairs are asked at once)",
     "仅就这一对而言，%s 预测得更好（同时询问所有各对时则不能这样说）"},
    {"%s predicts better", "%s 预测得更好"},
    {"which predicts better cannot be told; of a difference of this size about %.0f windows would "
     "tell, and the text holds only %d",
     "无法判定哪个预测得更好；对这样大小的差异，约需 %.0f 个窗口才能判定，而文本只有 %d 个"},
    {"which predicts better cannot be told; of a difference of this size about %.0f windows would "
     "tell, and the text holds %d",
     "无法判定哪个预测得更好；对这样大小的差异，约需 %.0f 个窗口才能判定，文本有 %d 个"},
    {"which predicts better cannot be told", "无法判定哪个预测得更好"},
    {"bits per byte: not evaluated: add `evaluation: {text: …}`",
     "每字节比特数：未评估，请加上 `evaluation: {text: …}`"},
    {"%s: these two were not both evaluated", "%s：这两种模式没有都做评估"},
    {"%s: the same in every window", "%s：每个窗口都相同"},
    {"%s: %s", "%s：%s"},
    {"%s: those of %s less those of %s are %s over %s: %s",
     "%1$s：%2$s 减 %3$s 为 %4$s（%5$s）：%6$s"},
    {"%ld window", "%ld 个窗口"},
    {"identical", "逐位相同"},

    /* --- body.c ------------------------------------------------------------------------------- */
    {"The question and the answer", "问题与结论"},
    {"Gates", "门限检查"},
    {"Tensors made elsewhere", "别处产生的张量"},
    {"The modes side by side", "两种模式对照"},
    {"Statistics of the first and the last layer", "首层与末层的统计量"},
    {"Drift over the layers", "逐层漂移"},
    {"Every mode against the float64 reference", "各模式与 float64 参考的比较"},
    {"Against a third", "以第三方为准"},
    {"What the numbers show", "数据说明了什么"},
    {"Single tokens and the values that made them", "个别词元，以及造成它们的数值"},
    {"Clipping and rounding", "截断与舍入"},
    {"Error budget", "误差预算"},
    {"Stage swaps", "阶段互换"},
    {"The layers that matter", "关键的层"},
    {"What would mend it", "如何改善"},
    {"Over alphas and lengths", "不同 alpha 与长度"},
    {"How well each mode predicts", "各模式的预测质量"},
    {"Tasks", "任务"},
    {"What each mode costs", "各模式的开销"},
    {"Which mode for which need", "何种需求选用何种模式"},
    {"Operators alone", "单独运行的算子"},
    {"The scan's state over time", "扫描状态随时间的变化"},
    {"Scales and values that are not finite", "缩放因子与非有限值"},
    {"Time and memory", "时间与内存"},
    {"How to reproduce", "如何复现"},
    {"driftscope report", "driftscope 报告"},
    {"No gnuplot was found on this machine: the report has tables only.\n\n",
     "本机未找到 gnuplot，因此报告只有表格，没有图。\n\n"},

    /* --- budget.c ----------------------------------------------------------------------------- */
    {"%s, %s … %s", "%s，%s … %s"},
    {", ", "、"},
    {" (%s)", "（%s）"},
    {"%s and %d more", "%s 以及另外 %d 个"},
    {"- **In the median token**, by the same size: %s.\n",
     "- **在中位词元上**（按同样的大小）：%s。\n"},
    {"- **In single tokens**: local of all tokens together is above the median token's, by more "
     "than a factor of %s over the whole interval, in %s.\n",
     "- **在个别词元上**：以下各层中，全部词元合计的本层误差高于中位词元的，整个区间都超过 %s "
     "倍：%s。\n"},
    {"- Local of all tokens together is above the median token's by more than a factor of %s in "
     "%s.\n",
     "- 以下各层中，全部词元合计的本层误差高于中位词元的 %s 倍以上：%s。\n"},
    {"- **Which layers amplify it**: none; every gain is at most 1.\n",
     "- **哪些层放大误差**：没有；所有增益都不大于 1。\n"},
    {"- **Which layers amplify it**: none is given an error.\n",
     "- **哪些层放大误差**：没有哪一层接到误差。\n"},
    {"- **Which layers amplify it**: %d of %d has a gain above 1; the largest: %s.",
     "- **哪些层放大误差**：%2$d 层中有 %1$d 层的增益大于 1；最大的是：%3$s。"},
    {"- **Which layers amplify it**: %d of %d have a gain above 1; the largest: %s.",
     "- **哪些层放大误差**：%2$d 层中有 %1$d 层的增益大于 1；最大的是：%3$s。"},
    {" Of %d of these the whole interval lies above 1.", "其中 %d 层的整个区间都大于 1。"},
    {" Amplified for %s: %s.", "对%s放大：%s。"},
    {"- **Without a budget**: %s, the first of them layer %d. Values there are not finite.\n",
     "- **没有误差预算**：%s，其中第一个是第 %d 层，其中含有非有限值。\n"},
    {"%ld layer", "%ld 层"},
    {"- **Left out**, since a value is not finite, from layer %d on: %s.\n",
     "- **剔除**（因存在非有限值，自第 %d 层起）：%s。\n"},
    {"- No other layer makes a difference, and none is passed on to it.\n\n",
     "- 其余各层既不产生差异，也没有传入的差异。\n\n"},
    {"No layer makes a difference at `block_out`, and none is passed on.\n\n",
     "没有任何一层在 `block_out` 上产生差异，也没有差异被传递。\n\n"},
    {"- **Which layers make error**, by the size of local beside `block_out`: %s.\n",
     "- **哪些层产生误差**（按本层误差相对 `block_out` 的大小）：%s。\n"},
    {"none", "无"},
    {"- In the mean over the layers %s of a layer's total is its own doing.\n\n",
     "- 按各层平均，一层的总误差中有 %s 由该层自身产生。\n\n"},
    {"- In the mean over the layers %s (%s … %s) of a layer's total is its own doing.\n\n",
     "- 按各层平均，一层的总误差中有 %s（%s … %s）由该层自身产生。\n\n"},
    {"layer", "层"},
    {"error in", "输入误差"},
    {"total", "总误差"},
    {"local", "本层"},
    {"inherited", "继承"},
    {"interaction", "交互"},
    {"gain", "增益"},
    {"%s, share", "%s（占比）"},
    {"%s, median token", "%s（中位词元）"},
    {"At the end of each layer, total = local + inherited + interaction, as vectors. *Local* is "
     "what the layer makes by itself: the second side's block on the first side's input, less the "
     "first's. *Inherited* is what it passes on: the first side's block on the second's input, "
     "less the same. *Interaction* is how much the two depend on each other. Sizes are L2 norms "
     "beside that of the first side's `block_out`; shares are projections on the total, which add "
     "up to 100 %% (a negative one works against the total); *gain* is inherited beside the error "
     "that came in, which the run checks to be the total of the layer before.%s\n\n",
     "在每一层的末端，按向量有：总误差 = 本层 + 继承 + "
     "交互。*本层*是该层自身产生的误差：第二侧的块作用于第一侧的输入，减去第一侧的输出。*继承*"
     "是该层传递的误差：第一侧的块作用于第二侧的输入，减去同一输出。*交互*"
     "表示两者相互依赖的程度。各项大小为 L2 范数，相对于第一侧 `block_out` "
     "的范数；占比是在总误差上的投影，合计 100 "
     "%%（负值表示抵消总误差）；*增益*"
     "是继承误差与输入误差之比，运行时会检查输入误差就是上一层的总误差。%s\n\n"},
    {" Each is taken in each prompt; figures are means, of sizes and gains geometric ones, with 95 "
     "%% intervals (Student's t) over prompts of %s.",
     "各项逐提示计算；数值为均值（大小与增益取几何平均），并给出 %s 的提示间的 95 %% 区间（Student "
     "t 分布）。"},
    {" There is one prompt alone, so no interval: the figures are that prompt's.",
     "只有一个提示，因此没有区间：数值都是该提示的。"},
    {"Sizes and gain of all tokens together may be those of a few. *Median token* is the same of "
     "the median token: sizes beside that of the token itself, the gain of a token over the tokens "
     "that are given an error.\n\n",
     "全部词元合计的大小与增益可能只来自少数词元。*中位词元*"
     "是同样的量取中位词元：大小相对于该词元自身的大小，增益为单个词元的增益，只计有输入误差的词元"
     "。\n\n"},

    /* --- by_prompt.c -------------------------------------------------------------------------- */
    {"neither is closer", "两者同样接近参考"},
    {"%s is closer", "%s 更接近参考"},
    {"%s (of this prompt alone)", "%s（仅就这一个提示而言）"},
    {"%s (of these prompts)", "%s（就这些提示而言）"},
    {"%s is closer, prompt by prompt by a factor of %s", "%s 更接近参考，逐个提示比较的倍数为 %s"},
    {"which is closer cannot be told (prompt by prompt the error of %s is %s times that of %s%s%s)",
     "哪一个更接近参考无法判断（逐个提示比较，%1$s 的误差是 %3$s 的 %2$s 倍%4$s%5$s）"},
    {"; ", "；"},
    {" and ", " 和 "},
    {", of this prompt alone.", "，仅就这一个提示而言。"},
    {".", "。"},
    {", of these prompts.", "，就这些提示而言。"},
    {" Prompt by prompt, all asked at once, each of the two is told from all others.",
     "逐个提示比较（同时检验），这两者与其余各者均可区分。"},
    {" Prompt by prompt, all asked at once, %s is not told from %s.",
     "逐个提示比较（同时检验），%s 与 %s 无法区分。"},

    /* --- changes.c ---------------------------------------------------------------------------- */
    {"  … and %s more\n", "  …… 另有 %s\n"},
    {"%ld row", "%ld 行"},
    {"%s: only before (rows: %zu)\n", "%s：只在前者中（行数：%zu）\n"},
    {"%s: only after (rows: %zu)\n", "%s：只在后者中（行数：%zu）\n"},
    {"%s: %zu of %s changed", "%1$s：%3$s中有 %2$zu 行改变"},
    {", %zu only before, %zu only after", "，%zu 行只在前者中，%zu 行只在后者中"},
    {"  columns only before: ", "  只在前者中的列："},
    {"  columns only after: ", "  只在后者中的列："},
    {"spec", "实验规格"},
    {"weights", "权重"},
    {"text", "文本"},
    {"program", "程序"},
    {"before: %s\nafter:  %s\n", "前：%s\n后：%s\n"},
    {"the two runs differ in: %s (and perhaps more)\n", "两次运行的不同之处：%s（或许还有其他）\n"},
    {"changed: %s, in %d of the %d tables that both have or the first has alone\n",
     "改变了 %1$s，分布在 %3$d 个表（两者共有或只在前者中）中的 %2$d 个\n"},
    {"nothing changed: every cell of %s is the same, times and memory left out\n",
     "没有改变：%s的每个单元格都相同（时间与内存不计）\n"},
    {"%ld table", "%ld 个表"},

    /* --- clipping.c --------------------------------------------------------------------------- */
    {"- **No element beyond** the grid's end in any of the %d tensors on a static grid (over all "
     "layers and prompts).\n",
     "- **没有元素超出**网格末端：位于静态网格上的 %d 个张量（合计所有层与提示）均是如此。\n"},
    {"- **At least half of the squared error beyond the grid's end**: %d of the %d tensors on a "
     "static grid (over all layers and prompts). The largest share is that of %s in prompt %s: %s, "
     "in %lld of %lld elements.\n",
     "- **至少一半的平方误差位于网格末端之外**：位于静态网格上的 %2$d "
     "个张量（合计所有层与提示）中有 %1$d 个。占比最大的是%3$s（提示 %4$s）：%5$s，来自 %7$lld "
     "个元素中的 %6$lld 个。\n"},
    {"- No element lies beyond in %s.\n", "- 没有元素超出的张量：%s。\n"},
    {"- In %d of them values are not finite, and are left out.\n",
     "- 其中 %d 个张量含有非有限值，这些值未计入。\n"},
    {"tensor", "张量"},
    {"prompt", "提示"},
    {"values beyond", "超出的值"},
    {"channels", "通道数"},
    {"worst channel", "最差通道"},
    {"furthest", "最远的值"},
    {"grid's end", "网格末端"},
    {"token", "词元"},
    {"channel", "通道"},
    {"share", "占比"},
    {"clipped", "截断"},
    {"rounded", "舍入"},
    {"The %d with the largest share of %d; all of them in tables/clipping.csv.\n\n",
     "共 %2$d 个，此处为占比最大的 %1$d 个；全部见 tables/clipping.csv。\n\n"},
    {"Weights", "权重"},
    {"In %d of %d int8 weights an element lies beyond the grid's end.\n\n",
     "%2$d 个 int8 权重中有 %1$d 个含有超出网格末端的元素。\n\n"},
    {"In %d of %d int8 weights an element lies beyond the grid's end, by at most %s of that end "
     "(%s of layer %d).\n\n",
     "%2$d 个 int8 权重中有 %1$d 个含有超出网格末端的元素，最多超出该末端的 %3$s 倍（第 %5$d 层的 "
     "%4$s）。\n\n"},
    {"A static int8 grid holds -128 to 127 times its scale. An element whose float64 reference "
     "lies beyond an end is clipped; all others are rounded, and have what came in with the "
     "tensor. Squared errors add, so the share of the squared error in elements beyond tells the "
     "two apart: a larger scale mends the one, and not the other. Of each tensor the layer and the "
     "prompt where that share is largest; clipped and rounded are relative L2, of the elements "
     "beyond and of the rest. Tensors with the same figures everywhere share a row.\n\n",
     "静态 int8 网格的范围是其缩放因子的 -128 至 127 倍。float64 "
     "参考值超出末端的元素会被截断；其余元素则被舍入，并带有随张量传入的误差。平方误差可以相加，因"
     "此超出末端的元素在平方误差中的占比能把两者分开：更大的缩放因子能改善前者，而不能改善后者。每"
     "个张量列出该占比最大的层与提示；截断与舍入分别是超出末端的元素与其余元素的相对 "
     "L2。各处数值都相同的张量合为一行。\n\n"},

    /* --- cost.c ------------------------------------------------------------------------------- */
    {"mode", "模式"},
    {"tokens/s", "词元/秒"},
    {"prefill, ms", "预填充（ms）"},
    {"spread, ms", "离散度（ms）"},
    {"speed, fp32 = 1", "速度（fp32 = 1）"},
    {"time, copy = 1", "时间（拷贝 = 1）"},
    {"operator", "算子"},
    {"scales", "缩放因子"},
    {"activations a token", "每词元激活"},
    {"live at once a token", "每词元同时存活"},
    {"state", "状态"},
    {"fp32 over this", "fp32 与之比值"},
    {"Median of %d prefills on backend %s, modes in turn; spread is 1.4826 times the median "
     "absolute deviation. The last two columns compare with mode fp32 and with a plain copy of as "
     "many bytes, timed in the same turns. The kernels are this program's, made to give the same "
     "bits everywhere; another implementation of a mode may rank otherwise.\n\n",
     "在后端 %2$s 上 %1$d 次预填充的中位数，各模式轮流运行；离散度为绝对中位差的 1.4826 "
     "倍。最后两列分别与模式 fp32 "
     "以及同样字节数的单纯拷贝比较，均在相同轮次中计时。所用内核是本程序自己的，其设计保证处处得到"
     "相同的比特；同一模式的其他实现可能有不同的排名。\n\n"},
    {"%ld token", "%ld 个词元"},
    {"Milliseconds of each operator in one prefill:\n\n", "一次预填充中各算子的毫秒数：\n\n"},
    {"Its share of their sum:\n\n", "其在总和中的占比：\n\n"},
    {"### Bytes\n\nCounted from the settings: what a layer hands from operator to operator, and "
     "what of it is live at the same time; the state is that of one sequence, all layers.\n\n",
     "### "
     "字节数\n\n由设置计算得出：一层内在算子之间传递的数据，以及其中同时存活的部分；状态为一个序列"
     "在所有层的状态。\n"
     "\n"},
    {"KL %s bits, %.6f bits a token, %.0f tokens/s, %s",
     "KL %s 比特，每词元 %.6f 比特，每秒 %.0f 个词元，%s"},
    {"- **%s: %s.** %s.\n", "- **%s：%s**。%s。\n"},
    {", and %d other is not told from it", "，另有 %d 个与之无法区分"},
    {", and %d others are not told from it", "，另有 %d 个与之无法区分"},
    {"Nearest to float64: %s (KL %s bits%s). Fastest here: %s (%.0f tokens/s%s). Smallest: %s "
     "(%s).",
     "最接近 float64：%s（KL %s 比特%s）。此处最快：%s（每秒 %.0f 个词元%s）。最小：%s（%s）。"},
    {"Not in question, as logits of theirs are not finite: %s.\n\n",
     "以下模式的 logits 含有非有限值，不在比较之列：%s。\n\n"},
    {"No mode was both evaluated and timed.\n\n", "没有哪种模式既经过评估又经过计时。\n\n"},
    {"From the figures of this run, at %s a prefill; bytes are weights, scales, one sequence's "
     "state and its live activations.\n\n",
     "依据本次运行的数据，每次预填充 "
     "%s；字节数包括权重、缩放因子、一个序列的状态及其存活的激活。\n\n"},
    {"Nearest to float64", "最接近 float64"},
    {"  Not told from it by their KL: %s.\n", "  按 KL 与之无法区分的有：%s。\n"},
    {"Fastest here", "本机最快"},
    {"  Not slower by more than the spread: %s.\n", "  在离散度之内并不更慢的有：%s。\n"},
    {"Smallest", "最小"},
    {"Best trade", "最佳折中"},
    {"\nThe best trade is the smallest mode whose bits cannot be told from those of the nearest "
     "one at this number of windows.",
     "\n最佳折中指在现有窗口数下，比特数与最接近参考的模式无法区分的最小模式。"},
    {"\nNo best trade is named: these windows tell no two modes apart.",
     "\n未指出最佳折中：这些窗口无法区分任何两种模式。"},
    {" Nothing here speaks for %s: %s is worse in none of the three, and told to be better in one.",
     "此处没有理由选用 %s：%s 在三项指标上都不比它差，且至少有一项可判定为更好。"},

    /* --- draw.c ------------------------------------------------------------------------------- */
    {"gnuplot cannot be started: %s", "无法启动 gnuplot：%s"},
    {"gnuplot did not end within %d s", "gnuplot 在 %d 秒内没有结束"},
    {"gnuplot used up its processor time (ulimit -t)",
     "gnuplot 用完了允许的处理器时间（ulimit -t）"},
    {"gnuplot was killed, as the system does where memory runs out",
     "gnuplot 被强行终止，内存耗尽时便会如此"},
    {"gnuplot was ended by signal %d", "gnuplot 被信号 %d 终止"},
    {"gnuplot ended with status %d", "gnuplot 以状态 %d 结束"},

    /* --- effect.c ----------------------------------------------------------------------------- */
    {"%s (%s … %s)", "%s（%s … %s）"},

    /* --- evaluation.c ------------------------------------------------------------------------- */
    {"perplexity", "困惑度"},
    {"same top token", "首选词元一致"},
    {"top token right", "首选词元正确"},
    {"KL, bits", "KL（比特）"},
    {"KL, typical window", "KL 典型窗口"},
    {"KL, median", "KL 中位数"},
    {"KL, 99 %", "KL 99 % 分位数"},
    {"KL, largest in a window", "KL 窗口内最大值"},
    {"KL, largest", "KL 最大值"},
    {"%s of %s each, of %s: every figure is one of that text. ± is the standard error over "
     "windows; of shares the 95 %% interval stands in brackets. KL is that of the reference's "
     "distribution of the next token against the mode's, in bits: mean, median and 99 %% over the "
     "positions of a window, then the mean over windows; *typical window*: the geometric mean of "
     "the windows' means, with its 95 %% interval, since a few windows make most of the mean.\n\n",
     "%1$s，每个窗口 %2$s，取自 %3$s：所有数值都是关于该文本的。± 为各窗口间的标准误；比例的 95 %% "
     "区间列于括号内。KL 是参考的下一词元分布相对于模式分布的 KL "
     "散度，以比特计：先在窗口内对各位置取均值、中位数和 99 %% "
     "分位数，再对各窗口取平均；*典型窗口*为各窗口均值的几何平均及其 95 %% "
     "区间，因为少数窗口占了均值的大部分。\n\n"},
    {"> **Warning.** The text holds only %d such windows side by side: these overlap, and are no "
     "sample. No error is given, and no mode is called better.\n\n",
     "> **警告**：文本只能容纳 %d "
     "个互不重叠的此类窗口：现有窗口相互重叠，不构成样本。因此不给出误差，也不判定任何模式更好。\n"
     "\n"},
    {"Neighbouring windows are taken one by one: their bits are correlated by %.2f.\n\n",
     "相邻窗口逐个计入：其比特数的相关系数为 %.2f。\n\n"},
    {"Neighbouring windows are alike: their bits are correlated by %.2f, so that means of %d "
     "neighbours are the unit of their error.\n\n",
     "相邻窗口彼此相似：其比特数的相关系数为 %.2f，故以每 %d 个相邻窗口的均值作为误差的单位。\n\n"},
    {"> **Warning.** Left out of %s, where a logit is not finite: %s (%s).\n\n",
     "> **警告**：%s 中因 logits 并非有限值而剔除 %s（%s）。\n\n"},
    {"the windows overlap", "窗口相互重叠"},
    {"fewer than two windows are finite in both", "在两者中都为有限值的窗口不足两个"},
    {"nothing is known of it", "对此一无所知"},
    {"%.0f windows would tell, and the text holds %d",
     "需要 %.0f 个窗口才能判定，文本可容纳 %d 个"},
    {"%.0f windows would tell, and the text holds only %d",
     "需要 %.0f 个窗口才能判定，而文本只能容纳 %d 个"},
    {"yes", "是"},
    {"no: worse", "否：更差"},
    {"no: the same in every window", "否：每个窗口都相同"},
    {"cannot tell: %s", "无法判定：%s"},
    {"cannot tell", "无法判定"},
    {"better?", "是否更好"},
    {"bits", "比特"},
    {"predicts better", "预测更好"},
    {"factor of KL", "KL 倍数"},
    {"nearer fp64", "更接近 fp64"},
    {"oftener", "一致更多"},
    {"%s than %s", "%s 相对 %s"},
    {"%s. Bits of %s less those of %s: %s, 95 %% from %s to %s, over %s.",
     "%s。%s 的比特数减去 %s 的：%s，95 %% 区间为 %s 到 %s，共 %s。"},
    {"Yes", "是"},
    {"No, it predicts worse", "否，其预测更差"},
    {"It cannot be told from these windows", "由这些窗口无法判定"},
    {" Means of %d neighbouring windows are the unit.", "以每 %d 个相邻窗口的均值为单位。"},
    {" Of a difference of this size %s.", "对这样大小的差异，%s。"},
    {" With all %d pairs asked at once it is told as well (Holm, p = %s).",
     "同时考察全部 %d 对时同样成立（Holm，p = %s）。"},
    {" With all %d pairs asked at once it is not told any more (Holm, p = %s).",
     "同时考察全部 %d 对时则不再成立（Holm，p = %s）。"},
    {"- **Does %s predict %s better than %s?** ", "- **%1$s 对 %2$s 的预测是否优于 %3$s**？"},
    {"No: they are the same in every window.\n", "否：两者在每个窗口都相同。\n"},
    {"It cannot be told: %s.\n", "无法判定：%s。\n"},
    {"Every two modes, difference (of KL: the factor between them) window by window with its 95 %% "
     "interval (Student's t). Where nothing can be told, the number of windows is given that would "
     "find a difference of the observed size four times out of five; none is given above a "
     "million. Where two modes do not differ, chance still decides in 5 %%: of the %d comparisons "
     "here that could go either way, in about %.1f; † marks an answer that does not hold where all "
     "of its column are asked at once (Holm).\n\n",
     "任意两种模式逐窗口的差值（KL 为两者之比）及其 95 %% 区间（Student t "
     "分布）。无法判定时，给出在五次中有四次能发现这样大小的差异所需的窗口数；超过一百万的窗口数不"
     "列出。即使两种模式没有差别，仍有 5 %% 的情况由偶然决定：此处可能得出任一结论的 %d "
     "项比较中，约有 %.1f 项如此；† 表示同时考察该列全部比较时（Holm）不再成立的结论。\n\n"},
    {"Every two modes, the mean difference (of KL: factor) over the windows.\n\n",
     "任意两种模式，各窗口差值（KL 为倍数）的均值。\n\n"},

    /* --- event_words.c ------------------------------------------------------------------------ */
    {"token %d", "词元 %d"},
    {"token %d (“%s”)", "词元 %d（“%s”）"},
    {"; it lasts to the end", "；一直持续到末层"},
    {"; in this layer alone", "；只在这一层"},
    {"; from layer %d on it is below that again", "；从第 %d 层起又低于该份额"},
    {"%s of %s: from layer %d on, with %s of its squared error (its error is %s, the median "
     "token's %s)%s",
     "提示 %2$s 的%1$s：从第 %3$d 层起，占该层平方误差的 %4$s（它的误差为 %5$s，中位词元为 "
     "%6$s）%7$s"},
    {"%s is %s in %s and clipped in %s, where the grid ends at %s",
     "%1$s 在 %3$s 中为 %2$s，在 %4$s 中被截断，其网格止于 %5$s"},
    {"%s is %s in %s and %s in %s", "%1$s 在 %3$s 中为 %2$s，在 %5$s 中为 %4$s"},
    {"; behind it %s is %s in place of %s", "；其后 %s 为 %s，而非 %s"},
    {"the token has no error", "（该词元本无误差）"},
    {"the token's squared error grows by %s", "该词元的平方误差反增 %s"},
    {"%s of the token's squared error is gone", "该词元的平方误差便消失 %s"},
    {"with this one value repaired none of the errors changes",
     "只修复这一个数值，各项误差均无变化"},
    {"with this one value repaired %s, the relative L2 of layer %d goes from %s to %s, of the last "
     "block_out from %s to %s, and of the logits from %s to %s",
     "只修复这一个数值，%s，第 %d 层的相对 L2 从 %s 变为 %s，末层 block_out 从 %s 变为 %s，logits "
     "从 %s 变为 %s"},
    {"It was not traced", "未作追查"},
    {"%s%s; %s", "%s%s；%s"},
    {"No single element explains it: in layer %d none stands out",
     "没有单个元素能解释：第 %d 层中无一突出"},
    {"No single element explains it: of layer %d run again with the one that comes nearest, %s, "
     "set to the other side's value, %s of it goes",
     "没有单个元素能解释：把第 %d 层中最接近的 %s 设为另一侧的值再运行该层，只消去其 %s"},
    {"; no single element explains it", "；没有单个元素能解释"},
    {"; %s; repaired, layer %d goes from %s to %s", "；%s；修复之后，第 %d 层从 %s 变为 %s"},

    /* --- events.c ----------------------------------------------------------------------------- */
    {", %s in layer %d", "，第 %2$d 层 %1$s"},
    {"%s in layer %d%s, %s in layer %d: %s", "第 %2$d 层 %1$s%3$s，第 %5$d 层 %4$s：%6$s"},
    {"1 event", "1 个事件"},
    {"%d events", "%d 个事件"},
    {"%s; repaired, layer %d goes from %s to %s%s", "%s；修复之后，第 %d 层从 %s 变为 %s%s"},
    {" (of %d events the heaviest beside its layer)", "（%d 个事件中相对所在层最重的一个）"},
    {"%s against %s: %s; the heaviest beside its layer: %s has %s of layer %d's squared error%s\n",
     "%1$s 与 %2$s 相比：%3$s；相对所在层最重的一个：%4$s占第 %6$d 层平方误差的 %5$s%7$s\n"},
    {"its text", "其文本"},
    {"last", "末层"},
    {"its error", "其误差"},
    {"element", "元素"},
    {"there", "对方的值"},
    {"here", "此处的值"},
    {"removed", "消除"},
    {"- **No event can be**: a token would need more than three tokens' even share of a layer's "
     "squared error, and no prompt has more than %s.\n\n",
     "- "
     "**不可能有事件**"
     "：事件要求一个词元占某一层平方误差的份额多于三个词元的平均份额，而没有一个提示多于 %s。\n\n"},
    {"- **No event**: no token has more than %s of a layer's squared error and more than three "
     "tokens' even share of it.\n\n",
     "- **没有事件**：没有词元占某一层平方误差的 %s 以上且多于三个词元的平均份额。\n\n"},
    {"- **Typical tokens**: %s.\n", "- **典型词元**：%s。\n"},
    {"- **%s**: a token with more than %s of a layer's squared error of `block_out`, and with more "
     "than three tokens' even share of it.\n",
     "- **%s**：在某一层 `block_out` 的平方误差中占 %s 以上且多于三个词元平均份额的词元。\n"},
    {"- %s. %s.\n", "- %s。%s。\n"},
    {"The %d largest of %d; all of them in tables/events.csv.\n\n",
     "共 %2$d 个，此处为最大的 %1$d 个；全部见 tables/events.csv。\n\n"},
    {"- **%s, asked for**: %s of layer %d of prompt %s is %s in %s and %s in %s; %s.\n",
     "- **%1$s，按要求**：提示 %4$s 第 %3$d 层的 %2$s 在 %6$s 中为 %5$s，在 %8$s 中为 "
     "%7$s；%9$s。\n"},
    {"What happens to every token (rounding, which bits mend) and what happens to one (a value "
     "clipped, which a scale mends) are two things. The first is the median token's; the second "
     "are events. An event is traced back through its layer by setting one element after another "
     "to the other side's value; that a value made it is said only where the whole run was made "
     "again with that value repaired.\n\n",
     "每个词元都会遇到的（舍入，靠比特数改善）与个别词元遇到的（数值被截断，靠尺度改善）是两回事。"
     "前者由中位词元说明，后者称为事件。追查事件时，在其所在的层内逐个把元素设为对方的值；只有在修"
     "复该数值并重新完整运行之后，才说它由该数值造成。\n\n"},

    /* --- figures.c ---------------------------------------------------------------------------- */
    {"gnuplot wrote no whole file", "gnuplot 没有写出完整的文件"},
    {"no value is finite", "没有有限的数值"},
    {"> **Not drawn** (%s): %s Data: [%s](%s)", "> **未能绘制**（%s）：%s数据：[%s](%s)"},

    /* --- findings.c --------------------------------------------------------------------------- */
    {"- %s differs by layer: %s.\n", "- %s 各层不同：%s。\n"},
    {"- The modes ask for different settings of %s.\n", "- 两种模式在以下阶段的设置不同：%s。\n"},
    {"- The witness shows different kernels for %s.\n",
     "- 见证记录显示，以下张量由不同的内核计算：%s。\n"},
    {"- The witness shows the same kernels for every tensor.\n",
     "- 见证记录显示，所有张量都由相同的内核计算。\n"},
    {"- **Does it accumulate, stay or jump?** `block_out`: %s.%s\n",
     "- **是累积、持平还是跳变？** `block_out`：%s。%s\n"},
    {" %s", "%s"},
    {"- **Single tokens?** %s.\n", "- **是个别词元吗？** %s。\n"},
    {"- **How it grows is not told**: `block_out` differs from layer %d on, and from layer %d on "
     "it holds values that are not finite.\n",
     "- **无法说明其增长**：`block_out` 从第 %d 层起不同，从第 %d 层起含有非有限值。\n"},
    {"- **It has no size**: `block_out` differs from layer %d on, in no value but the sign of "
     "zeros.\n",
     "- **差异没有大小**：`block_out` 从第 %d 层起不同，但仅限于零的符号。\n"},
    {"- **How it grows is not told**: this results file holds no shapes. From layer %d to layer %d "
     "the relative L2 of `block_out` goes from %s to %s.\n",
     "- **无法说明其增长**：此结果文件不含形状。从第 %d 层到第 %d 层，`block_out` 的相对 L2 误差从 "
     "%s 变为 %s。\n"},
    {"- **Beside the errors of the modes themselves**: against the float64 reference the relative "
     "L2 of the logits of %s is %s, and of those of %s it is %s. Each is of other values than the "
     "difference between the two, so that it is not told which mode is closer, nor how large the "
     "difference is beside these errors.\n",
     "- **与两种模式自身的误差相比**：以 float64 参考为准，%s 的 logits 的相对 L2 为 %s，%s 的为 "
     "%s。它们与两者之差所涉及的值各不相同，因此不判定哪种模式更接近，也不判定该差异相对于这些误差"
     "有多大。\n"},
    {"- **Beside the errors of the modes themselves**: against the float64 reference the logits of "
     "%s are off by %s and those of %s by %s (relative L2); %s, and the difference between the two "
     "is %s the smaller of these errors.\n",
     "- **与两种模式自身的误差相比**：以 float64 参考为准，%s 的 logits 误差为 %s，%s 的为 "
     "%s（相对 L2）；%s，而两者之间的差异是其中较小误差的 %s。\n"},
    {"%s of", "%s"},
    {"%s times", "%s 倍"},
    {"- **Divided by %s**: a relative error is that beside the side named first. Where %s stands "
     "in a table “against float64” it is divided by float64, and so its numbers differ a little.\n",
     "- **除以 %s**：相对误差以先列出的一侧为分母。%s 在“相对于 float64”的表中则以 float64 "
     "为分母，因此数值略有不同。\n"},
    {"- **Why.** %s\n", "- **原因**：%s\n"},
    {"- No reason is known why these modes should always agree: the equality is a finding about "
     "these prompts.\n",
     "- 没有已知的理由能保证这两种模式总是一致：此处的相同只是针对这些提示的实验结果。\n"},
    {"- **Where it begins.** %s\n", "- **差异从何处开始**：%s\n"},
    {"- **It does not travel.** `block_out` is identical in every layer: what differs inside a "
     "layer is lost again before the layer ends.\n",
     "- **差异没有传播**：每一层的 `block_out` "
     "都逐位相同，层内出现的差异在该层结束之前就已消失。\n"},
    {"- **Where it ends.** %s\n", "- **差异到何处为止**：%s\n"},
    {"Without a pair they show no difference.\n\n", "没有模式对，因此没有差异可言。\n\n"},

    /* --- finite.c ----------------------------------------------------------------------------- */
    {"the float64 reference", "float64 参考"},
    {"mode %s", "模式 %s"},
    {"%s, element %s", "%s 的第 %s 个元素"},
    {"Values are not finite. The first: %s, of %s, prompt %s. In all %s in %s: they are left out "
     "of the figures, and a figure that leaves values out says so.",
     "存在非有限值。第一个位于%s（%s，提示 %s）。共有 %s，分布在 "
     "%s中：各项数值均未计入它们，凡有未计入的数值都会注明。"},
    {"%ld value", "%ld 个值"},
    {"%ld tensor", "%ld 个张量"},
    {"Turned into 0 by quantisation: %s in %s, first in %s of %s, prompt %s.",
     "%2$s中有 %1$s被量化为 0，首次出现于%4$s、提示 %5$s 下%3$s。"},
    {"%ld NaN", "%ld 个 NaN "},
    {" This alone does not change the exit status; with `--strict` it is 1.",
     "仅凭这一点不会改变退出状态；使用 `--strict` 时为 1。"},
    {"%s, of %s%s (prompt %s)", "%s，属于%s%s（提示 %s）"},
    {"mode ", "模式 "},
    {"no failure without --strict", "不加 --strict 时不算失败"},
    {"NOT FINITE: first at %s; %s in %s, left out of all figures; %s\n",
     "非有限：首个在%1$s；%3$s中共 %2$s，所有数字都未计入它们；%4$s\n"},
    {"%sNOT FINITE: quantisation turned %s in %s into 0, first at %s; %s\n",
     "%1$s非有限：量化把 %3$s中的 %2$s变成了 0，首个在%4$s；%5$s\n"},
    {"values are not finite, first at %s", "有非有限的值，首个在%s"},
    {"quantisation turned NaNs into 0, first at %s", "量化把 NaN 变成了 0，首个在%s"},
    {"not defined: no value is finite on both sides", "无定义：没有任何值在两侧均为有限值"},
    {"not known: it was not compared", "未知：未作比较"},
    {"not defined: the first side is 0", "无定义：第一侧全为 0"},
    {"%s (of the values that are finite on both sides: %lld of %lld, %s, are left out)",
     "%1$s（仅计入两侧均为有限值的元素：%3$lld 个中有 %2$lld 个（%4$s）未计入）"},
    {"%s (the sides differ in the sign of zeros alone)", "%s（两侧仅在零的符号上不同）"},
    {"identical (%s not finite)", "相同（%s 非有限）"},
    {"not finite", "非有限"},
    {"%s (%s left out)", "%s（%s 未计入）"},
    {" (%s of the values are not finite)", "（其中 %s 的值非有限）"},

    /* --- gates.c ------------------------------------------------------------------------------ */
    {"relative L2", "相对 L2 误差"},
    {"median token's relative L2", "中位词元的相对 L2"},
    {"largest absolute difference", "最大绝对差"},
    {"SQNR in dB", "SQNR（dB）"},
    {"share of differing elements", "不同元素的比例"},
    {"growth over the layers", "随层数的增长"},
    {"largest step from layer to layer", "层间最大的一步"},
    {"growth up to the largest layer", "升至最大一层的增长"},
    {"share on the INT8 grid", "落在 INT8 网格上的比例"},
    {"share of equal next tokens", "下一个词元一致的比例"},
    {"bits per byte, second less first", "每字节比特数，第二种减第一种"},
    {"at least", "至少"},
    {"at most", "至多"},
    {"it was not measured", "未测量"},
    {"its curve over the layers has no shape, so no factor",
     "其随层变化的曲线没有形状，因此没有倍数"},
    {"values are not finite", "存在非有限值"},
    {"%s against %s", "%s 与 %s 对比"},
    {"every layer", "每一层"},
    {"layer %s", "第 %s 层"},
    {"%s, %s of %s", "%1$s，%3$s的 %2$s"},
    {"%s, %s", "%s，%s"},
    {"every limit would pass", "任何门限都能通过"},
    {"%s %s would pass", "%s %s 可通过"},
    {"gate %zu: %s: %s: %s %s, limit %s %s; %s\n", "门限 %zu：%s：%s：%s %s，门限%s %s；%s\n"},
    {"pass", "通过"},
    {"FAIL", "未通过"},
    {"%zu of %zu gates failed, first gate %zu: %s",
     "%2$zu 项门限中有 %1$zu 项未通过，首先是门限 %3$zu：%4$s"},
    {"gate", "门限"},
    {"of", "对象"},
    {"what", "项目"},
    {"measured", "测得"},
    {"limit", "限值"},
    {"at layer", "所在层"},
    {"tightest to pass", "可通过的最严限值"},
    {"**FAIL**", "**未通过**"},
    {"%zu of %zu gates pass. Prompts are pooled; of a largest difference and a share on the grid "
     "the worst prompt counts, of the median token the geometric mean over prompts. A value that "
     "is not finite fails every gate.\n\n",
     "%2$zu 项门限中有 %1$zu "
     "项通过。所有提示合并计算；最大差值与网格比例取最差的提示，中位词元取各提示的几何平均。任何非"
     "有限值都使门限不通过。\n\n"},

    /* --- grid.c ------------------------------------------------------------------------------- */
    {"whole prompts", "完整提示"},
    {", beyond chance asked alone, and not with all points asked at once",
     "，单独考察时超出偶然，同时考察所有点时则不然"},
    {"; asked alone, %s", "；单独考察时，%s"},
    {"- %s: **`alpha: %s`** has a KL of %s, the calibration's own %s has %s: a factor of %s, "
     "beyond chance with all points asked at once.\n",
     "- %s：**`alpha: %s`** 的 KL 为 %s，校准本身的 %s 为 %s：即其 %s "
     "倍，同时考察所有点时仍超出偶然。\n"},
    {"- %s: **the calibration's own `alpha: %s`** has the lowest KL, beyond chance with all points "
     "asked at once; next comes %s, a factor of %s.\n",
     "- %s：**校准本身的 `alpha: %s`** 的 KL 最低，同时考察所有点时仍超出偶然；其次是 %s，为其 %s "
     "倍。\n"},
    {"- %s: no alpha is told to have a lower KL than the calibration's own %s; nearest comes "
     "`alpha: %s`, a factor of %s%s.\n",
     "- %s：不能断定有哪个 alpha 的 KL 低于校准本身的 %s；最接近的是 `alpha: %s`，为其 %s "
     "倍%s。\n"},
    {"%s, %s: with alpha: %s the KL goes from %s to %s\n",
     "%s，%s：采用 alpha: %s 时 KL 从 %s 变为 %s\n"},
    {"over alphas: none is told to have a lower KL than the calibration's own\n",
     "不同 alpha：不能断定有哪个的 KL 低于校准本身的 alpha\n"},
    {"The same at every alpha, in every bit, and so computed once: %s. No scale that is made from "
     "a quantile changes there, of those that the mode depends on.\n\n",
     "在每个 alpha "
     "下逐位相同，因此只计算一次：%"
     "s。在该模式所依赖的缩放因子中，没有一个由分位数得出的因子随之改变。\n\n"},
    {"The calibration's own alpha is not in the grid, so there is nothing beside which a change "
     "could be told.\n\n",
     "校准本身的 alpha 不在所列之中，因此没有可与之比较变化的基准。\n\n"},
    {"> **Warning.** Left out of %s, %s, alpha %s, since a figure is not finite: %s.\n\n",
     "> **警告**：%s，%s，alpha %s 因数值并非有限值而剔除：%s。\n\n"},
    {"every", "任意"},
    {"%s (its own)", "%s（校准本身）"},
    {"%s, as at %s", "%s，同 %s"},
    {"tokens", "词元数"},
    {"alpha", "alpha 值"},
    {"error", "误差"},
    {"factor of error", "误差倍数"},
    {"factor of the median token's error", "中位词元误差倍数"},
    {"KL", "KL 散度"},
    {"change of bits", "比特数变化"},
    {"Each mode with the scales that a calibration at each alpha gives it, on the first so many "
     "tokens of every prompt, against the float64 reference at that length. Error is the relative "
     "L2 of the last `block_out`; error and KL are geometric means over prompts, factors and "
     "changes are beside the calibration's own alpha.%s\n\n",
     "每种模式采用按各 alpha 校准所得的缩放因子，在每个提示的前若干个词元上运行，并与该长度下的 "
     "float64 参考比较。误差为末层 `block_out` 的相对 L2；误差与 KL "
     "为各提示的几何平均，倍数与变化相对于校准本身的 alpha。%s\n\n"},
    {" In brackets stands the 95 %% interval (Student's t) over prompts of %s; bold leaves no "
     "change out, † not any more with all points asked at once.",
     "方括号内为 %s 的提示间的 95 %% 区间（Student t 分布）；粗体表示区间排除了毫无变化的情形，† "
     "表示同时考察所有点时不再成立。"},

    /* --- html.c ------------------------------------------------------------------------------- */
    {" Data: ", "数据："},

    /* --- latex.c ------------------------------------------------------------------------------ */
    {". ", "。"},
    {"% Tables of a driftscope report. In the preamble: \\usepackage{booktabs,textcomp}\n"
     "% Letters of other scripts: xelatex or lualatex, with a font that has them (Chinese: "
     "\\usepackage{ctex}); pdflatex shows their numbers.\n",
     "% driftscope 报告的表格。导言区：\\usepackage{booktabs,textcomp,ctex}，用 XeLaTeX 编译\n"
     "% pdflatex 没有汉字字体，只显示其编码。\n"},

    /* --- layers.c ----------------------------------------------------------------------------- */
    {"`block_out`, 95 %", "`block_out`，95 %"},
    {"growth", "增长"},
    {"max abs", "最大绝对差"},
    {"SQNR, dB", "SQNR（dB）"},
    {"mean ULP", "平均 ULP"},
    {"Smallest and largest over the %d prompts:\n\n", "%d 个提示中的最小值与最大值：\n\n"},
    {"median token", "中位词元"},
    {"95 %", "95 % 区间"},
    {"token at 90 %", "第 90 百分位"},
    {"token at 99 %", "第 99 百分位"},
    {"all together", "全部词元"},
    {"share of the worst token", "最差词元的占比"},
    {"worst token", "最差词元"},
    {"%lld of %s", "%2$s 的第 %1$lld 个"},
    {"Relative error of a token of `block_out`, and of all tokens together:\n\n",
     "`block_out` 中单个词元与全部词元的相对误差：\n\n"},
    {"This results file holds no shapes, as those of an older program do not.\n\n",
     "此结果文件不含形状，旧版程序的文件都没有。\n\n"},
    {"**Shape** of `block_out`: %s.\n\n", "`block_out` 的**形状**：%s。\n\n"},
    {"**Single tokens**: %s.\n\n", "**个别词元**：%s。\n\n"},
    {"A shape is that of the *median token's error* over the layers, which are all that this model "
     "has: flat within a factor of %.3g; a turn counts from %.3g on; a jump is a step of at least "
     "%.3g that stands out by more than %.0f %% of the whole rise; saturated within %.0f %% of the "
     "end. Nothing is fitted but the line that is called so. ",
     "形状是*中位词元的误差*随层数变化的形状，这些层就是此模型的全部：各层相差不超过 %.3g "
     "倍为平稳；转折从 %.3g 倍起计；跳变是至少 %.3g 倍、且突出部分超过总上升 %.0f %% "
     "的一步；与末值相差不超过 %.0f %% 为饱和。除标明为拟合的直线外，没有任何拟合。"},
    {"Figures are geometric means over prompts, brackets their 95 %% interval (Student's t of the "
     "logarithms); a shape is told where %.0f %% of the draws of prompts have it. All tokens "
     "together have an interval from %d prompts on, over the layers from %d: fewer may have none "
     "of the tokens that carry the error.\n\n",
     "数值为各提示的几何平均，括号内为其 95 %% 区间（对数的 Student t）；只有 %.0f %% "
     "的提示重抽样都呈现同一形状时，才说出该形状。全部词元合计的误差从 %d "
     "个提示起才有区间，其随层数的增长从 %d "
     "个起：更少的提示可能一个也没有那些集中误差的词元。\n\n"},
    {"Of a single prompt they say nothing of others.\n\n",
     "由于只有一个提示，不能说明其他提示的情况。\n\n"},
    {"Shape, figures and tables", "形状、图与表"},
    {"Relative L2 of %s, layer by layer", "逐层列出%s的相对 L2 误差"},
    {"The results file holds no drift.\n\n", "结果文件中没有漂移数据。\n\n"},
    {"Relative L2 of %s%s; growth from the layer before, largest absolute difference, SQNR and "
     "mean distance in ULP are of `block_out`.\n\n",
     "%s的相对 L2 误差%s；相对前一层的增长、最大绝对差、SQNR 和以 ULP 计的平均距离均针对 "
     "`block_out`。\n\n"},
    {", pooled over the prompts", "（合并所有提示）"},
    {"Nothing drifts: every tensor of every layer is identical in every bit.\n\n",
     "没有漂移：每一层的每个张量都逐位相同。\n\n"},
    {"The results file holds no drift of this pair.\n\n",
     "结果文件中没有这一对模式的漂移数据。\n\n"},
    {"not finite from layer %d on", "从第 %d 层起非有限"},
    {"%s in layer %d", "%s（第 %d 层）"},
    {"%s of %lld of %lld", "%3$lld 个中 %2$lld 个的 %1$s"},
    {"`block_out`", "`block_out`"},
    {"1 − cosine", "1 − 余弦相似度"},
    {"worst `block_out`", "最差的 `block_out`"},
    {"`logits`", "`logits`"},
    {"Relative L2, SQNR and cosine of `block_out` in the last layer (%d) and of the logits%s; the "
     "largest relative L2 of any `block_out`; the share of positions at which the mode chooses the "
     "reference's next token.\n\n",
     "最后一层（第 %d 层）的 `block_out` 与 logits 的相对 L2 误差、SQNR 和余弦相似度%s；所有 "
     "`block_out` 中最大的相对 L2 误差；以及模式所选的下一个词元与参考一致的位置比例。\n\n"},
    {", pooled over the prompts (cosine: its smallest)", "（合并所有提示；余弦相似度取最小值）"},
    {"How the error of `block_out` develops over the layers, mode by mode:\n\n",
     "各模式 `block_out` 的误差随层数的变化：\n\n"},
    {"Relative L2 of block_out, layer by layer", "逐层列出 block_out 的相对 L2 误差"},
    {"At the logits %s is nearest to the reference (relative L2 %s) and %s farthest from it "
     "(%s)",
     "在 logits 处，%s 最接近参考（相对 L2 误差 %s），%s 离参考最远（%s）"},
    {"Not ranked, as logits of theirs are not finite: %s.\n\n",
     "以下模式的 logits 含有非有限值，不参与排序：%s。\n\n"},
    {"No mode was compared with the reference.\n\n", "没有模式与参考进行过比较。\n\n"},

    /* --- mend.c ------------------------------------------------------------------------------- */
    {"as it is", "原样"},
    {"every scale at its least squared error", "所有缩放因子取平方误差最小者"},
    {"layer %d, %s alone: at its least squared error", "仅第 %d 层的 %s：取平方误差最小者"},
    {"layer %d, %s alone: as with %s", "仅第 %d 层的 %s：按 %s"},
    {"%s at layer %d", "%s（第 %d 层）"},
    {" The median token's error goes by a factor of %s, KL by %s; bits per token change by %s.",
     "中位词元的误差变为 %s 倍，KL 变为 %s 倍；每词元比特数变化 %s。"},
    {"**None of these scales makes the end of %s better** by more than chance, or with one prompt "
     "by a fiftieth.\n\n",
     "**这些缩放因子都不能使 %s 的末端变好**（未超出偶然；只有一个提示时未达五十分之一）。\n\n"},
    {"**%s** brings the error of %s at the last `block_out` from %s to %s, a factor of %s%s; the "
     "largest over the layers from %s to %s.%s\n\n",
     "**%s** 使 %s 在末层 `block_out` 的误差从 %s 变为 %s，即 %s 倍%s；各层中的最大误差从 %s 变为 "
     "%s。%s\n\n"},
    {" (of this prompt alone)", "（仅此提示）"},
    {"another scale %s in layer %d", "第 %2$d 层换用另一个尺度 %1$s"},
    {"%s: with %s the last block_out goes from %s to %s%s\n",
     "%s：采用 %s 时，末层 block_out 从 %s 变为 %s%s\n"},
    {"layer %d, %s: scale %s in place of %s, %s → %s",
     "第 %d 层的 %s：缩放因子取 %s（原为 %s），%s → %s"},
    {"One scale alone, and the error of `block_out` at its own layer: %s.\n\n",
     "只改一个缩放因子时，该层自身 `block_out` 的误差：%s。\n\n"},
    {"Every scale at its least squared error makes the end worse, by a factor of %s%s, although "
     "each tensor by itself loses less so on the calibration's text.\n\n",
     "所有缩放因子取平方误差最小者反而使末端变差，为原来的 %s "
     "倍%s，尽管在校准文本上每个张量自身的损失都变小。\n\n"},
    {"> **Warning.** Left out of %s, since a figure is not finite: %s.\n\n",
     "> **警告**：%s 因数值并非有限值而剔除：%s。\n\n"},
    {"largest over the layers", "各层中最大"},
    {"no bit changes", "逐位不变"},
    {"scale", "缩放因子"},
    {"least", "误差最小"},
    {"per channel", "逐通道"},
    {"### What each scale loses by itself\n\n", "### 每个缩放因子自身的损失\n\n"},
    {"On the calibration text, the tensor of each scale under the float mode, quantised alone: the "
     "relative L2 of what the calibrated scale clips and rounds, and of both together with other "
     "scales: made from other quantiles, at the least squared error, and as a what-if with a scale "
     "for each channel (its rounding estimated). Of each scale the layer that loses most; all "
     "layers stand in `scale_choices.csv`.\n\n",
     "在校准文本上，对浮点模式下每个缩放因子所属的张量单独量化：校准所得缩放因子的截断误差与舍入误"
     "差（相对 "
     "L2），以及改用其他缩放因子时二者之和：取其他分位数、取平方误差最小者，以及假设每个通道各有一"
     "个缩放因子（其舍入误差为估计值）。每个缩放因子列出损失最大的一层；所有层见 "
     "`scale_choices.csv`。\n\n"},
    {"The scales of int8 activations come from the calibration. Here a mode runs with others: "
     "those that another `alpha` gives, every scale at the least squared error of its tensor, and "
     "single scales of single layers, the three that lessen the error of their own layer most. The "
     "error is the relative L2 against the float64 reference; error and KL are geometric means "
     "over prompts, factors and changes are beside the mode as it is.%s\n\n",
     "int8 激活的缩放因子来自校准。这里让一种模式改用其他缩放因子运行：另一个 `alpha` "
     "所给出的、各张量平方误差最小的，以及只改某一层的一个缩放因子（取使该层自身误差减少最多的三个"
     "）。误差为相对 float64 参考的 L2 误差；误差与 KL "
     "取各提示的几何平均，倍数与变化相对于原样的该模式。%s\n\n"},
    {" In brackets stands the 95 %% interval (Student's t) over prompts of %s; bold leaves no "
     "change out, † not any more with all rows asked at once. Single scales were chosen on these "
     "very prompts.",
     "方括号内为 %s 的提示间的 95 %% 区间（Student t 分布）；粗体表示区间排除“无变化”，† "
     "表示把所有行一并考虑时不再成立。单个缩放因子正是在这些提示上选出的。"},
    {"### %s with other scales\n\n", "### %s 改用其他缩放因子\n\n"},

    /* --- micro.c ------------------------------------------------------------------------------ */
    {"setting", "设置"},
    {"output", "输出"},
    {"modes", "所属模式"},
    {"runs", "次数"},
    {"values", "值"},
    {"largest error, ULP", "最大误差（ULP）"},
    {"mean, ULP", "平均误差（ULP）"},
    {"not correctly rounded", "未正确舍入"},
    {"largest relative L2", "最大相对 L2 误差"},
    {"bound used", "误差界占用"},
    {"beyond it", "超界"},
    {"input", "输入"},
    {"Input by input, over all shapes: largest error and mean error in ULP, and the share of the "
     "bound that is used:\n\n",
     "按输入列出（合并所有形状）：以 ULP 计的最大误差与平均误差，以及误差界的占用比例：\n\n"},
    {"shape", "形状"},
    {"median, µs", "中位数（µs）"},
    {"spread, µs", "离散度（µs）"},
    {"GB/s", "GB/s"},
    {"times a copy", "拷贝耗时的倍数"},
    {"Time at the largest shape, beside a plain copy that moves the same bytes (inputs read once, "
     "outputs written once); the spread is 1.4826 times the median absolute deviation:\n\n",
     "最大形状下的耗时，与搬运同样字节数的单纯拷贝相比（输入读一次，输出写一次）；离散度为绝对中位"
     "差的 1.4826 倍：\n\n"},
    {"got", "实得"},
    {"want", "应得"},
    {"bound", "误差界"},
    {"used", "占用"},
    {"made from", "来源"},
    {"Of the ten largest errors of the run that uses most of its bound, the one that uses "
     "most:\n\n",
     "在误差界占用最高的一次运行中，取十个最大误差里占用最高的一个：\n\n"},
    {"from", "自"},
    {"> **Warning.** %s.\n\n", "> **警告**：%s。\n\n"},
    {"All %lld values lie within the bound that can be proved for their float32 arithmetic; most "
     "of it is used by %s %s, output %s, on input %s: %s.\n\n",
     "全部 %lld 个值都在其 float32 运算可证明的误差界之内；占用最高的是 %s %s，输出 %s，输入 "
     "%s：%s。\n\n"},
    {"On inputs captured from the model %d of %s equal those of the full run in every bit.\n\n",
     "对于从模型中截取的输入，%2$s中有 %1$d 个与完整运行逐位相同。\n\n"},
    {"%ld output", "%ld 个输出"},
    {"An error is the distance from the float64 result on the very same inputs, before any "
     "rounding to the output's type; a ULP is the unit of the last place of that type there, of an "
     "int8 output its scale. Every run is in `tables/micro.csv`, the ten worst elements of each in "
     "`tables/micro_worst.csv`.\n\n",
     "误差指与相同输入下 float64 结果的距离，该结果未舍入到输出类型；ULP "
     "是输出类型在该处的末位单位，对 int8 输出则为其缩放因子。每次运行见 "
     "`tables/micro.csv`，各自最差的十个元素见 `tables/micro_worst.csv`。\n\n"},
    {"Distribution of the errors, each bar on a logarithmic scale down to one in a million; a dot "
     "is none:\n\n",
     "误差分布，每个条形为对数刻度，下至百万分之一；圆点表示没有：\n\n"},
    {"log10 of the relative error", "相对误差的 log10"},

    /* --- micro_groups.c ----------------------------------------------------------------------- */
    {"%s %s, input %s, shape %s, output %s, element %lld",
     "%s %s，输入 %s，形状 %s，输出 %s，元素 %lld"},
    {"the state of the scan", "扫描的状态"},
    {"%lld value lies beyond what its float32 arithmetic may err, which is a bug: in %s",
     "%lld 个值超出了其 float32 运算允许的误差，这是程序错误：位于 %s"},
    {"%lld values lie beyond what their float32 arithmetic may err, which is a bug: first in %s",
     "%lld 个值超出了其 float32 运算允许的误差，这是程序错误：首次出现于 %s"},
    {"%s alone, against float64 on the same inputs; ULP: largest on captured inputs, largest and "
     "mean on all",
     "单独运行 %s，与同样输入下的 float64 "
     "比较；ULP：截取输入上的最大值，全部输入上的最大值与平均值"},
    {"captured", "截取输入"},
    {"max ULP", "最大 ULP"},
    {"misrounded", "未正确舍入"},
    {"of bound", "占误差界"},
    {"over", "超界"},
    {"us", "微秒"},
    {"x copy", "×复制"},

    /* --- mode_layers.c ------------------------------------------------------------------------ */
    {"layers %s", "第 %s 层"},
    {"%s in %s", "%s（%s）"},
    {", but ", "，但 "},
    {"%s as %s", "%s同 %s"},

    /* --- plots.c ------------------------------------------------------------------------------ */
    {"Drift of %s over the layers: relative L2 of %s%s.", "%s的逐层漂移：%s的相对 L2 误差%s。"},
    {", with the range of `block_out` over the prompts", "，并标出 `block_out` 在各提示间的范围"},
    {"Where %s and %s differ: log10 of the relative L2 by layer and tensor; white: identical in "
     "every bit, or not made by both.",
     "%s 与 %s 在何处不同：按层和张量给出相对 L2 误差的 "
     "log10；白色表示逐位相同，或并非两者都有该张量。"},
    {"log10 relative L2", "log10 相对 L2 误差"},
    {"Error of each mode against the float64 reference: that of the median token of `block_out` "
     "over the layers.",
     "各模式相对 float64 参考的误差：`block_out` 中位词元的误差随层数的变化。"},
    {"relative error against float64", "相对 float64 的误差"},
    {"RMS error of the scan's state after each token, longest runs.",
     "每个词元之后扫描状态的均方根误差（最长的运行）。"},
    {"RMS error of the state", "状态的均方根误差"},

    /* --- plots_answer.c ----------------------------------------------------------------------- */
    {"Relative L2 of `block_out` over the layers.", "`block_out` 的相对 L2 误差随层数的变化。"},
    {"Error of the median token of `block_out` over the layers, with its 95 % band over prompts; "
     "thin and dashed: relative L2 of all tokens together.",
     "`block_out` 中位词元的误差随层数的变化，色带为对提示的 95 % 区间；细虚线：全部词元合计的相对 "
     "L2 误差。"},
    {"Error of the median token of `block_out` over the layers; thin and dashed: relative L2 of "
     "all tokens together.",
     "`block_out` 中位词元的误差随层数的变化；细虚线：全部词元合计的相对 L2 误差。"},
    {"relative error", "相对误差"},
    {"Every two modes that were compared: error of the median token of the last `block_out`, "
     "relative to the mode of the row. =: identical in every bit; 0: in some prompt half of the "
     "tokens or more are equal.",
     "所有作过比较的两种模式：末层 `block_out` "
     "中位词元的误差，以行所示的模式为准。=：逐位相同；0：在某个提示中，有半数或更多的词元相同。"},

    /* --- plots_budget.c ----------------------------------------------------------------------- */
    {"Error budget of %s: what the layer makes, passes on, and what arises between the two.",
     "%s的误差预算：本层产生的、传递的以及两者之间产生的误差。"},

    /* --- plots_choice.c ----------------------------------------------------------------------- */
    {"Accuracy against time: KL divergence from float64 (mean over windows, with its standard "
     "error) and the time of one prefill of %d tokens (median, with its spread), a point a mode.",
     "精度与时间：相对 float64 的 KL 散度（各窗口的均值及其标准误）与一次 %d "
     "个词元的预填充的耗时（中位数及其离散度），每种模式一个点。"},
    {"time of a prefill, ms", "一次预填充的时间（ms）"},
    {"KL divergence from float64, bits", "相对 float64 的 KL 散度（比特）"},

    /* --- plots_clipping.c --------------------------------------------------------------------- */
    {"Share of the squared error of %s that lies beyond the grid's end, by layer%s; tensors with "
     "more than 1 %% somewhere, at most six.",
     "%s 的平方误差中位于网格末端之外的占比，逐层列出%s；只画某处超过 1 %% 的张量，至多六个。"},
    {", over all prompts (squares relative to each prompt's reference, weighted by its number of "
     "elements)",
     "，合计所有提示（平方相对于各提示的参考值，按元素个数加权）"},
    {"squared error beyond the grid's end, %", "网格末端之外的平方误差，%"},

    /* --- plots_events.c ----------------------------------------------------------------------- */
    {"Relative error of each token of prompt %s in `block_out`, layer by layer, %s: log10; its "
     "text stands above. What happens to every token is a horizontal band, an event is a vertical "
     "streak.",
     "提示 %s 各词元在 `block_out` 中逐层的相对误差，%s：以 10 "
     "为底的对数；上方为其文本。每个词元都有的误差呈水平带状，事件呈竖直条纹。"},
    {"log10 relative error", "相对误差的常用对数"},
    {"Largest difference of %s in layer %d of prompt %s by token and channel, %s, over the root "
     "mean square of the tensor; a square is %d tokens of %d channels.",
     "提示 %3$s 第 %2$d 层 %1$s 按词元与通道的最大差值，%4$s，除以该张量的均方根；每格为 %5$d "
     "个词元、%6$d 个通道。"},
    {"difference / RMS", "差值 / 均方根"},
    {"Relative L2 of `block_out` over the layers, %s, prompt %s: as it is, and with one value "
     "repaired.",
     "`block_out` 的相对 L2 随层数的变化，%s，提示 %s：原样，以及只修复一个数值之后。"},
    {"layer %d: %s[%d, %d] repaired", "第 %d 层：修复 %s[%d, %d]"},

    /* --- plots_grid.c ------------------------------------------------------------------------- */
    {"relative L2 of the last block_out", "末层 block_out 的相对 L2"},
    {"tokens of every prompt", "每个提示的词元数"},
    {"%s, over: %s; with the 95 %% interval over prompts. At most twelve lines.",
     "%s，横轴：%s；并给出提示间的 95 %% 区间。至多十二条线。"},

    /* --- population.c ------------------------------------------------------------------------- */
    {"the prompts' texts", "各提示的文本"},
    {"the part of %s that they stand in (%s)", "%s 中它们所在的部分（%s）"},
    {"%.0f prompts would tell", "需要 %.0f 个提示才能判定"},
    {"%.0f prompts would tell, and %s holds %s of this length",
     "需要 %.0f 个提示才能判定，%s 可容纳 %s 个这样长的"},
    {"%.0f prompts would tell, and %s holds only %s of this length",
     "需要 %.0f 个提示才能判定，而 %s 只能容纳 %s 个这样长的"},

    /* --- predicted.c -------------------------------------------------------------------------- */
    {" None of them stands in the reach of an event.\n", "其中没有一个在事件影响之内。\n"},
    {" %s in the reach of an event: %s of that sum.", "%s在事件影响之内，占该和的 %s。"},
    {" Without it the difference is %s bits", "去掉它们，差异为 %s 比特"},
    {" Without them the difference is %s bits", "去掉它们，差异为 %s 比特"},
    {" (95 %% from %s to %s)", "（95 %% 区间 %s 至 %s）"},
    {", with it %s.\n", "，连同它们为 %s。\n"},
    {", with them %s.\n", "，连同它们为 %s。\n"},
    {"**Which tokens make the difference between %s and %s?** Of %s the 1 %% that differ most make "
     "%s of the sum of |difference|.",
     "**%1$s 与 %2$s 的差异出自哪些词元**？在 %3$s中，差异最大的 1 %% 占 |差异| 之和的 %4$s。"},
    {"\nThe largest, amid their text (first: %s, second: %s):\n\n",
     "\n差异最大的词元及其上下文（前者：%s，后者：%s）：\n\n"},
    {"window", "窗口"},
    {"position", "位置"},
    {"event", "事件"},
    {"bits, first", "比特，前者"},
    {"bits, second", "比特，后者"},
    {"KL there, bits", "该处 KL，比特"},
    {"share of all KL", "占全部 KL"},
    {"KL, median token", "KL，中位词元"},
    {"The token whose prediction is furthest from fp64's, of each mode:\n\n",
     "各模式中，预测离 fp64 最远的词元：\n\n"},
    {"Few tokens can make most of such a difference. A token stands *in the reach of an event* "
     "where the one that it is predicted from is one: it carries much of a layer's squared error "
     "against fp64, under either mode.\n\n",
     "少数几个词元就可能造成这类差异的大部分。若某个词元由一个事件词元预测而来，就称它*"
     "在事件影响之内*：在任一模式下，该事件词元占某一层相对 fp64 误差平方和的很大一部分。\n\n"},

    /* --- question.c --------------------------------------------------------------------------- */
    {"%s, %s, vocabulary %d%s", "%s，%s，词表 %d%s"},
    {"Model: %s", "模型：%s"},
    {"%s (%s)", "%s（%s）"},
    {"%s, rewrite %s", "%s，改写 %s"},
    {"Prompts: ", "提示："},
    {"Prompt: ", "提示："},
    {"%s%sBackend: %s", "%s%s后端：%s"},
    {"%s.\n\n", "%s。\n\n"},
    {"not told: this results file holds no shapes, as those of an older program do not",
     "无法说明：此结果文件不含形状，旧版程序的文件都没有"},
    {"not compared", "未作比较"},
    {"did NOT take effect: the same kernels, and the same bits", "没有生效：内核相同，逐位相同"},
    {"both took effect, and every bit is identical", "两者都生效，且逐位相同"},
    {"a fault: the same kernels, and other values", "故障：内核相同，数值却不同"},
    {"**identical in every bit**", "**逐位相同**"},
    {"identical at the logits%s", "logits 处相同%s"},
    {"%s at the logits", "logits 处为 %s"},
    {"%s; %s", "%s；%s"},
    {"%s Not compared: %s.", "%s 未比较：%s。"},
    {"Are they two computations?", "它们是两种计算吗？"},
    {"Did both take effect?", "两者都生效了吗？"},
    {"Where does it start?", "差异从哪里开始？"},
    {"How does it travel?", "差异如何逐层传播？"},
    {"Single tokens?", "是个别词元吗？"},
    {"Which value makes it?", "由哪个数值造成？"},
    {"Does it matter at the end?", "到最后要紧吗？"},
    {"**did NOT take effect**", "**没有生效**"},
    {"**fault**", "**故障**"},
    {"against float64", "与 float64 相比"},
    {"first differs at", "首次不同"},
    {"shape over the layers", "逐层的形状"},
    {"last layer", "末层"},
    {"†: told of this pair alone; not where all pairs of the run are asked at once (Holm).\n\n",
     "†：仅就这一对而言成立；同时询问本次运行的所有各对时则不成立（Holm）。\n\n"},
    {"`block_out` stands here for %s, which is taken for what leaves a layer (`stream:` of a "
     "source names another). ",
     "这里的 `block_out` 指 %s，即被当作离开一层的张量（来源的 `stream:` 可另行指定）。"},
    {"Shape, growth and last layer are of the *median token's error*: the relative error of a "
     "token of `block_out`, median over the tokens of a prompt; × is a factor; `logits` is the "
     "relative L2 of all. A relative error is divided by the side named first; against float64, by "
     "float64. ",
     "形状、增长与末层均针对*中位词元的误差*：`block_out` "
     "中每个词元的相对误差，取一个提示内各词元的中位数；× 表示倍数；`logits` 为全体的相对 L2 "
     "误差。相对误差以先列出的一侧为分母；相对于 float64 时以 float64 为分母。"},
    {"Figures are geometric means over the %d prompts; brackets hold 95 %% over prompts of this "
     "kind, and a shape is told where %.0f %% of the draws of prompts have it.\n\n",
     "数值为 %d 个提示的几何平均；括号内为对同类提示的 95 %% 区间；只有 %.0f %% "
     "的提示重抽样都呈现同一形状时，才说出该形状。\n\n"},
    {"One prompt tells nothing of others: of dumps with several passes, which are prompts, there "
     "are intervals.\n\n",
     "一个提示不能说明其他提示：转储中若有多次前向（各为一个提示），则可得到区间。\n\n"},
    {"One prompt tells nothing of others: with `windows: N` there are intervals.\n\n",
     "一个提示不能说明其他提示：用 `windows: N` 可得到区间。\n\n"},
    {" At the logits %s differ least (relative L2 %s) and %s most (%s)",
     "在 logits 处，差异最小的是%s（相对 L2 误差 %s），最大的是%s（%s）"},
    {"**Of %s** %d differs", "**在%s中**，%d 对不同"},
    {"**Of %s** %d differ", "**在%s中**，%d 对不同"},
    {"%ld pair", " %ld 对模式"},
    {", **%d is identical in every bit**", "，**%d 对逐位相同**"},
    {", **%d are identical in every bit**", "，**%d 对逐位相同**"},
    {", %d took effect and is identical in every bit", "，%d 对生效而仍逐位相同"},
    {", %d took effect and are identical in every bit", "，%d 对生效而仍逐位相同"},
    {", **%d did NOT take effect**", "，**%d 对没有生效**"},
    {", **%d is a fault**", "，**%d 对有故障**"},
    {", **%d are a fault**", "，**%d 对有故障**"},
    {"**Which mode for which need?** %s\n\n", "**哪种模式适合哪种需求？** %s\n\n"},
    {"Every pair in a row", "逐行列出每一对"},
    {"Other inputs, as is meant (`inputs: any`): %s.\n\n",
     "输入不同，本意如此（`inputs: any`）：%s。\n\n"},

    /* --- restore.c ---------------------------------------------------------------------------- */
    {"no finite value", "非有限值"},
    {"> **Warning.** Left out with %s restored, since a figure is not finite: %s.\n\n",
     "> **警告**：恢复 %s 时因数值并非有限值而剔除：%s。\n\n"},
    {"everything", "全部"},
    {"the median token's error of the last `block_out`", "末层 `block_out` 的中位词元误差"},
    {"the error of the last `block_out`", "末层 `block_out` 的误差"},
    {" That of all tokens together went from %s to %s.", "全部词元合计的误差从 %s 变为 %s。"},
    {" That of the median token went from %s to %s.", "中位词元的误差从 %s 变为 %s。"},
    {" Acts on %s: %s.", "作用于%s：%s。"},
    {"The median token of %s is at %s, at most the limit of %s, as it is.\n\n",
     "%s 的中位词元误差本身为 %s，不超过限值 %s。\n\n"},
    {"%s is at %s, at most the limit of %s, as it is.\n\n",
     "%s 本身的误差为 %s，不超过限值 %s。\n\n"},
    {"%ld stage set", "%ld 组层内阶段"},
    {"**%s** of %s, run under %s, brought %s from %s to %s, at most the limit of %s: %s.",
     "%2$s 的 **%1$s**（%8$s）改用 %3$s 运行后，%4$s从 %5$s 降到 %6$s，不超过限值 %7$s。"},
    {"**The limit of %s is not reached**: %s of %s, run under %s (%s), brought %s from %s to %s.",
     "**未达到限值 %1$s**：%3$s 的 %2$s 改用 %4$s 运行（%5$s），%6$s从 %7$s 降到 %8$s。"},
    {" With every layer under %s it is %s%s.", "所有层都用 %s 时为 %s%s。"},
    {", itself above the limit", "，本身就高于限值"},
    {" The first %s restored in its place gives %s.", "若改为恢复最前面的 %s，则为 %s。"},
    {" The first %s restored in their place give %s.", "若改为恢复最前面的 %s，则为 %s。"},
    {"restored", "已恢复"},
    {"acts on", "作用于"},
    {"tried", "尝试数"},
    {"second best", "次优"},
    {"with it", "其误差"},
    {"the first ones instead", "改为最前面的层"},
    {"all", "全部"},
    {"Layers of a mode are run under another, one more at a time: each step tries every one that "
     "is left, beside those chosen before, and takes the one that takes most off the square of the "
     "last `block_out`'s error (by stage: for each stage restored; each alone and each two were "
     "tried). The error is the relative L2 against the float64 reference, of all tokens together "
     "or, where that is said, of the median token; error and KL are geometric means over prompts. "
     "Every row is a run of its own. A set found step by step need not be the best of its "
     "size.%s\n\n",
     "把一种模式的若干层改用另一种模式运行，每次增加一层：每一步在已选层的基础上逐一尝试所有剩余的"
     "层，选取使末层 `block_out` "
     "误差的平方减少最多的一层（按阶段时：按每恢复一个阶段计，单个阶段与两两阶段都会尝试）。误差为"
     "相对 float64 参考的 L2 "
     "误差，按全部词元合计，注明处按中位词元，取各提示的几何平均。每一行都是一次独立的运行。逐步找"
     "到的集合未必是同样大小中最好的。%s\n\n"},
    {" In brackets stands the 95 %% interval (Student's t) over prompts of %s; the layers were "
     "chosen on these very prompts.",
     "方括号内为 %s 的提示间的 95 %% 区间（Student t 分布）；各层正是在这些提示上选出的。"},
    {"### %s, restored to %s by layer\n\n", "### %s，逐层恢复为 %s\n\n"},
    {"### %s, restored to %s by stage\n\n", "### %s，逐阶段恢复为 %s\n\n"},
    {"Limit and choice, the second best and what the first layers give are of the median "
     "token.\n\n",
     "限值与选取、次优以及最前面的层的结果，均按中位词元计。\n\n"},

    /* --- retold.c ----------------------------------------------------------------------------- */
    {"the run", "本次运行"},
    {"Mode %s against mode %s", "模式 %s 与模式 %s 对比"},
    {"%s alone", "单独运行 %s"},
    {"Do the two differ, where first, and how far does it grow?",
     "两者是否不同？首先在哪里不同？差异会增长到多大？"},
    {"Do the two modes differ, where first, and how far does it grow?",
     "两种模式是否不同？首先在哪里不同？差异会增长到多大？"},
    {"How wrong is the operator, where, and is that allowed?",
     "该算子误差有多大？出现在哪里？是否在允许范围内？"},

    /* --- run.c -------------------------------------------------------------------------------- */
    {"smallest", "最小"},
    {"largest", "最大"},
    {"ratio", "比值"},
    {"Scales; an INT8 step is the scale itself. Static ones, one a layer: of activations (`s_…`, "
     "from the calibration) and of weights (from their largest absolute value). `conv_in` is what "
     "a mode takes from each prompt by itself. Every scale is in `tables/scales.csv`.\n\n",
     "缩放因子；INT8 "
     "的一级即为缩放因子本身。静态的每层一个：激活的（`s_…`"
     "，来自校准）与权重的（来自其最大绝对值）。`conv_in` "
     "是某个模式由每个提示自身取得的。全部缩放因子见 `tables/scales.csv`。\n\n"},
    {"All statistics of tensors and pairs were computed by GSL's own functions.\n\n",
     "张量和模式对的全部统计量均由 GSL 自身的函数计算。\n\n"},
    {"GSL's own functions computed a random %zu of %zu rows of tensors and %zu of %zu rows of "
     "pairs again, and every column agreed: the column `checked` names them.\n\n",
     "随机抽取 %zu 行（共 %zu 行）张量统计和 %zu 行（共 %zu 行）模式对统计，由 GSL "
     "自身的函数重新计算，每一列都一致；列 `checked` 标出了这些行。\n\n"},
    {"> **Warning.** %s\n\n", "> **警告**：%s\n\n"},
    {"Every value of every tensor is finite, and quantisation met no NaN.\n\n",
     "所有张量的所有值都是有限值，量化过程中没有遇到 NaN。\n\n"},
    {"The results file holds no scales.\n\n", "结果文件中没有缩放因子。\n\n"},
    {"load", "载入"},
    {"prepare", "准备权重"},
    {"rewrite proof", "改写的验证"},
    {"calibrate", "校准"},
    {"statistics", "统计"},
    {"read sources", "读取来源"},
    {"error budget", "误差预算"},
    {"store", "存储"},
    {"altogether", "总计"},
    {"The results file holds no times.\n\n", "结果文件中没有耗时数据。\n\n"},
    {"time, s", "时间（s）"},
    {"Largest resident memory: %s.\n\n", "最大常驻内存：%s。\n\n"},
    {"Written by %s: %s.\n\n", "%s 写出：%s。\n\n"},
    {"commit", "提交"},
    {"program digest", "程序摘要"},
    {"spec digest", "实验规格摘要"},
    {"model", "模型"},
    {"weights digest", "权重摘要"},
    {"text digest", "文本摘要"},
    {"rewrite", "改写"},
    {"logits with and without the rewrite, relative difference", "改写前后 logits 的相对差"},
    {"seed", "随机种子"},
    {"date", "日期"},
    {"machine", "机器"},
    {"backend", "后端"},
    {"device", "设备"},
    {"compiler", "编译器"},
    {"flags", "编译选项"},
    {"The spec with every default filled in:\n\n", "填入全部默认值后的实验规格：\n\n"},
    {"The spec:\n\n", "实验规格：\n\n"},

    /* --- shapes.c ----------------------------------------------------------------------------- */
    {" (%s … %s)", "（%s … %s）"},
    {"stays flat", "保持平稳"},
    {"accumulates", "累积"},
    {"jumps at layer %s", "在第 %s 层跳变"},
    {"saturates at layer %s", "在第 %s 层饱和"},
    {"rises to layer %s and falls back", "升至第 %s 层后回落"},
    {"falls", "逐层下降"},
    {"goes up and down, in no one direction", "时升时降，没有单一方向"},
    {"is identical in every bit", "逐位相同"},
    {"has no common start", "没有共同的起点"},
    {"%d (%d … %d)", "%d（%d … %d）"},
    {"; about %.0f prompts would tell", "；约需 %.0f 个提示才能判定"},
    {"; no number of such prompts would tell", "；再多这样的提示也无法判定"},
    {"has no shape: from layer %d, where it starts, to the end there are too few layers",
     "没有形状：从开始不同的第 %d 层到末层，层数太少"},
    {"has no shape: the median token differs from layer %d on in one prompt, and only from layer "
     "%d on in another",
     "没有形状：中位词元在一个提示中从第 %d 层起不同，在另一个提示中到第 %d 层才开始不同"},
    {"has no shape: in at least one prompt half of the tokens or more are equal, at a layer after "
     "the first that differs or in all",
     "没有形状：至少在一个提示中，在首个不同的层之后的某一层或在所有层，有半数或更多的词元相同"},
    {"has no shape: its rows are no tokens", "没有形状：其各行不是词元"},
    {"has no shape: no prompt is finite in every layer",
     "没有形状：没有一个提示在每一层都是有限值"},
    {"has no shape", "没有形状"},
    {"cannot tell between “%s” and “%s” (the first in %s of the draws of prompts)",
     "无法区分“%s”与“%s”（前者占提示重抽样的 %s）"},
    {"cannot tell: “%s” in only %s of the draws of prompts", "无法判定：“%s”只占提示重抽样的 %s"},
    {"in the last layer the median token's error is %s%s", "末层中位词元的误差为 %s%s"},
    {"from layer %d to layer %d the median token's error goes from %s to %s: no growth",
     "从第 %d 层到第 %d 层，中位词元的误差从 %s 变为 %s：没有增长"},
    {"from layer %d to layer %d the median token's error goes from %s to %s: ×%s%s",
     "从第 %d 层到第 %d 层，中位词元的误差从 %s 变为 %s：×%s%s"},
    {" (95 %% over %d prompts: %s … %s)", "（%d 个提示的 95 %% 区间：%s … %s）"},
    {"%s, so that neither growth nor decline is told%s", "%s，因此既不能说增长也不能说下降%s"},
    {" (in %d of %d prompts)", "（%2$d 个提示中的 %1$d 个如此）"},
    {"The first of these layers is the largest%s", "这些层中首层最大%s"},
    {"The last layer is the largest%s", "末层最大%s"},
    {"The largest is layer %d%s: up to it %s, from there to the end %s",
     "最大的是第 %d 层%s：升至该层 %s，此后到末层 %s"},
    {"%s. No step up is more than ×1.00.", "%s。没有一步上升超过 ×1.00。"},
    {"%s. No layer lies above the one before it.", "%s。没有任何一层高于前一层。"},
    {"%s. The largest step up leads into layer %d%s: %s, which is %s of all steps up.",
     "%s。最大的一步上升进入第 %d 层%s：%s，占全部上升的 %s。"},
    {" (left out, as not finite in every layer: %s)", "（因并非每层都有限而未计入：%s）"},
    {"%ld prompt", "%ld 个提示"},
    {"%s; over the last quarter of the layers %s", "%s；在最后四分之一的层上 %s"},
    {"%s; over the last step, into layer %d, %s", "%s；在最后一步（进入第 %d 层）%s"},
    {"cannot tell: “%s” or “%s”", "无法判定：“%s”或“%s”"},
    {"in layer %d token %lld of prompt %s has %s of that prompt's squared error",
     "第 %d 层中，词元 %lld（提示 %s）占该提示平方误差的 %s"},
    {"single tokens carry the difference in some layers: %s", "在某些层，差异集中在个别词元：%s"},
    {"all together are off by %s times the median token's error",
     "全部词元合计的误差是中位词元的 %s 倍"},
    {"the error is uneven: in layer %d %s", "误差分布不均：第 %d 层中，%s"},
    {"single tokens carry the error: %s; %s", "误差集中在个别词元：%s；%s"},
    {"the error is uneven: %s; %s", "误差分布不均：%s；%s"},
    {"%s. From the curve's first layer to its last the error of all tokens together changes by %s",
     "%s。从曲线的首层到末层，全部词元合计的误差变化 %s"},
    {"in these prompts %s", "在这些提示中，%s"},
    {"no number", "再多也不能"},
    {"share of draws with it", "重抽样中的占比"},
    {"else oftenest", "其次最常见"},
    {"from layer", "起始层"},
    {"error there", "该层的误差"},
    {"error in the last layer", "末层的误差"},
    {"p of no growth", "无增长的 p 值"},
    {"p, all pairs asked at once (Holm)", "同时询问所有各对的 p 值（Holm）"},
    {"largest at layer", "最大的层"},
    {"growth up to there", "升至该层的增长"},
    {"from there to the end", "此后到末层"},
    {"largest step up, into layer", "最大的一步上升进入的层"},
    {"its factor", "其倍数"},
    {"its share of all steps up", "占全部上升之比"},
    {"within its end from layer", "从哪一层起接近末值"},
    {"last quarter of the layers, at least a step", "最后四分之一的层，至少一步"},
    {"fitted, a layer", "拟合的每层倍数"},
    {"growth of all tokens together", "全部词元合计的增长"},
    {"all tokens over the median one, at most", "全部词元与中位词元之比，最大"},
    {"prompts that would tell", "判定所需的提示数"},
    {"not told: %s", "未能断定：%s"},
    {"no more than it", "不超过"},

    /* --- sources.c ---------------------------------------------------------------------------- */
    {"not known", "未知"},
    {"on INT8 grids", "落在 INT8 网格上"},
    {"bfloat16 throughout", "全部是 bfloat16 的值"},
    {"float16 throughout", "全部是 float16 的值"},
    {"of neither INT8 nor 16 bits", "既非 INT8 也非 16 位"},
    {"%s%s%s: of %s %s, of %s %s", "%s%s%s：%s 的值%s，%s 的值%s"},
    {"By their values, %s.", "从数值看，%s。"},
    {"%s and %s were given other tokens: token %s of prompt '%s' is %s and %s",
     "%1$s 与 %2$s 的输入词元不同：提示“%4$s”的词元 %3$s 分别为 %5$s 与 %6$s"},
    {"%s and %s were not given the same input: token %s of prompt '%s' differs in %s by %s of a "
     "token's size",
     "%1$s 与 %2$s 的输入不同：提示“%4$s”的词元 %3$s 在 %5$s 中相差该词元大小的 %6$s 倍"},
    {"%s of %s", "%2$s 的 %1$s"},
    {"%s of %s of no tensor", "%2$s 的 %1$s（不属于任何张量）"},
    {"%ld array", "%ld 个数组"},
    {"other inputs, as is meant (inputs: any): %s\n", "输入不同，本意如此（inputs: any）：%s\n"},
    {"NOT THE SAME QUESTION: %s\n", "问的不是同一件事：%s\n"},
    {"source", "来源"},
    {"dump", "转储"},
    {"names", "命名"},
    {"arrays", "数组"},
    {"named", "已识别"},
    {"layers", "层数"},
    {"- Padding by its mask, and left out of %s: %s.\n", "- 按掩码为填充，因此未计入 %s：%s。\n"},
    {"- Int8 at the scale 1, and so compared as the integers that they are, in %s: %s of %s "
     "(`NAME.scale` beside one, or `scales` in the spec, says another).\n",
     "- 为 int8 而尺度为 1、因而按其整数本身比较的，在 %1$s 中有%2$s：%3$s（旁边的 `NAME.scale` "
     "或规格中的 `scales` 可说明另一尺度）。\n"},
    {"- In %s alone, and so not compared with %s: %s.\n",
     "- 只在 %s 中有，因此未与 %s 比较：%s。\n"},
    {"array", "数组"},
    {"type", "类型"},
    {"Of no tensor that is compared: %s.\n\n", "不对应任何被比较的张量：%s。\n\n"},
    {"Arrays that are not compared", "未比较的数组"},
    {"at scale %s", "比例为 %s"},
    {"at scales %s … %s", "比例为 %s … %s"},
    {"all, %s", "全部，%s"},
    {"%d of %d, %s", "%2$d 处中的 %1$d 处，%3$s"},
    {"on an INT8 grid", "落在 INT8 网格上"},
    {"float16 holds", "float16 可精确表示"},
    {"bfloat16 holds", "bfloat16 可精确表示"},
    {"**By their values**: in how many layers and prompts all values of a tensor lie on the grid "
     "of one INT8 scale, which was found from them; and the share of values that float16 and "
     "bfloat16 hold exactly.\n\n",
     "**从数值看**：在多少层和提示中，一个张量的全部值落在同一个 INT8 "
     "比例的网格上（该比例由数值求得）；以及 float16 和 bfloat16 能精确表示的值的比例。\n\n"},
    {"Tensor by tensor", "逐个张量"},
    {"Nobody saw the programs that made these tensors: no kernel is known, and what is said of "
     "them is said by their values.\n\n",
     "产生这些张量的程序无人见过：内核未知，关于它们的一切都由数值说明。\n\n"},

    /* --- state.c ------------------------------------------------------------------------------ */
    {"levels off at %s (%s … %s), with a time constant of %s tokens",
     "趋于饱和，水平为 %s（%s … %s），时间常数 %s 个词元"},
    {"token^%s (%s … %s)", "词元数^%s（%s … %s）"},
    {"no error", "无误差"},
    {"too few tokens to fit", "词元太少，无法拟合"},
    {"error after 1", "首个词元后的误差"},
    {"at the end", "结束时"},
    {"median channel at the end", "结束时的中位通道"},
    {"growth of the RMS error", "均方根误差的增长"},
    {"worst state", "最差的状态"},
    {"its memory, tokens", "其记忆长度（词元）"},
    {"memory and error", "记忆与误差"},
    {"smallest Pearson", "最小 Pearson 相关系数"},
    {", layer %d, modes %s", "，第 %d 层，模式 %s"},
    {"channel %d, state %d", "通道 %d，状态 %d"},
    {"Few channels carry it: in %s on %s all channels together are off by %s at the end, the "
     "median channel by %s.\n\n",
     "误差集中在少数通道上：设置 %s、输入 %s 下，结束时全部通道合计的误差为 %s，中位通道的为 "
     "%s。\n\n"},
    {"The recurrent state after every token against float64, over channels and states. Growth is "
     "fitted to the logarithm of the RMS error, as a power of the token and as a saturation, "
     "whichever leaves less; the range in brackets is that of 95 %. *Memory* is after how many "
     "tokens 1/e of an input is left (1 / mean of delta |A|), *median channel* the RMS error of a "
     "channel's states, median over channels: channels do not mix in the state, and where all "
     "together are far above it, few carry the error; *memory and error* Spearman's correlation of "
     "the two over all states. Shown are captured inputs, slow decay and the longest runs; every "
     "run is in `tables/state_drift.csv`, the figures after each token in "
     "`tables/state_error.csv`.\n\n",
     "每个词元之后的递归状态与 float64 "
     "的比较，覆盖所有通道和状态。增长由均方根误差的对数拟合得到，分别按词元数的幂律和饱和曲线拟合"
     "，取残差较小者；括号内为 95 % 区间。*记忆长度*指一个输入衰减到 1/e 所需的词元数（1 / delta "
     "|A| "
     "的均值），*中位通道*"
     "是单个通道的状态的均方根误差取各通道的中位数：状态的通道之间互不混合，若合计远高于它，则误差"
     "集中在少数通道上；*记忆与误差*是两者在所有状态上的 Spearman "
     "相关系数。此处列出截取的输入、慢衰减输入和最长的运行；每次运行见 "
     "`tables/state_drift.csv`，逐词元的数据见 `tables/state_error.csv`。\n\n"},
    {"Correlation alone would hide it: in %s on %s the Pearson correlation of the states never "
     "falls below 1 − %s, while their mean error grows from %s to %s ULP.\n\n",
     "仅看相关系数会掩盖误差：设置 %s、输入 %s 下，状态的 Pearson 相关系数始终不低于 1 − "
     "%s，而平均误差却从 %s 增大到 %s ULP。\n\n"},

    /* --- summary.c ---------------------------------------------------------------------------- */
    {"nothing was compared", "没有比较任何内容"},
    {"did NOT take effect: both sides ran the same kernels everywhere, all %d tensors identical",
     "并未生效：两侧在所有位置都运行了相同的内核，全部 %d 个张量逐位相同"},
    {"both modes took effect (%d of %d tensors from different kernels), every bit identical%s%s",
     "两种模式均已生效（%2$d 个张量中有 %1$d 个来自不同的内核），并且逐位相同%3$s%4$s"},
    {": ", "："},
    {"FAULT: both sides ran the same kernels everywhere, yet %d of %d tensors differ",
     "故障：两侧在所有位置都运行了相同的内核，但 %2$d 个张量中仍有 %1$d 个不同"},
    {"%s: %d of %d tensors from different kernels, %d differ",
     "%1$s：%3$d 个张量中有 %2$d 个来自不同的内核，%4$d 个不同"},
    {"FAULT, they must agree in every bit", "故障，二者本应逐位相同"},
    {"both modes took effect", "两种模式均已生效"},
    {"IDENTICAL: the one tensor is the same in every bit; if these should be two computations, one "
     "did not take effect",
     "相同：唯一的张量逐位相同；如果它们应是两种计算，则有一种没有生效"},
    {"IDENTICAL: all %d tensors are the same in every bit; if these should be two computations, "
     "one did not take effect",
     "相同：全部 %d 个张量逐位相同；如果它们应是两种计算，则有一种没有生效"},
    {"the one tensor differs", "唯一的张量不同"},
    {"%d of %d tensors differ", "%2$d 个张量中有 %1$d 个不同"},
    {"the one tensor equals the float64 reference in every bit",
     "唯一的张量与 float64 参考逐位相等"},
    {"the one tensor differs from the float64 reference", "唯一的张量与 float64 参考不同"},
    {"%d of %d tensors equal the float64 reference in every bit",
     "%2$d 个张量中有 %1$d 个与 float64 参考逐位相同"},
    {"identical%s", "逐位相同%s"},
    {"relative L2 %s", "相对 L2 误差 %s"},
    {", at no position finite on both sides", "，没有任何位置在两侧均为有限值"},
    {", same top token at %s", "，首选词元一致：%s"},
    {", same top token at %s of the %lld positions finite on both sides (of %lld)",
     "，在两侧都有限的 %2$lld 个位置（共 %3$lld 个）中，首选词元一致的占 %1$s"},
    {", same top token at %s of positions", "，首选词元在 %s 的位置上一致"},
    {"last %s %s", "末层 %s %s"},
    {"%s; logits %s%s", "%s；logits %s%s"},
    {"%s; not compared: %s", "%s；未比较：%s"},
    {"%s: %s\n%s: no first difference\n%s: no size at the end\n",
     "%s：%s\n%s：没有首个差异\n%s：末端没有大小\n"},
    {"%s: %s\n", "%s：%s\n"},
    {"%s: %s\n%s: no tensor differs in any bit\n%s: block_out of layer %d and the logits are "
     "identical%s\n",
     "%s：%s\n%s：没有任何张量有任何一个比特不同\n%s：第 %d 层的 block_out 与 logits 逐位相同%s\n"},
    {", with values that are not finite", "，其中有非有限的值"},
    {"%s: %s\n%s: first differs at %s, relative L2 %s (prompt %s)\n%s: %s\n",
     "%s：%s\n%s：首个差异在%s，相对 L2 误差 %s（提示 %s）\n%s：%s\n"},

    /* --- swap.c ------------------------------------------------------------------------------- */
    {"a factor of %s", "%s 倍"},
    {"a factor of %s (%s … %s)", "%s 倍（%s … %s）"},
    {"%s, which cannot be told from none: %s", "%s，与毫无变化无法区分：%s"},
    {"%s, which cannot be told from none", "%s，与毫无变化无法区分"},
    {" Which is larger, that or the factor of %s, is not told: their intervals overlap.",
     "它与 %s 的倍数哪个更大无法判断：两者的区间重叠。"},
    {" Which is largest, that or the factors of %s, is not told: their intervals overlap.",
     "它与 %s 的倍数中哪个最大无法判断：它们的区间重叠。"},
    {"%s; it acts on %s", "%s；作用于%s"},
    {" Of the median token it is %s.", "对中位词元为 %s。"},
    {"rank", "排名"},
    {"moved", "偏移"},
    {"%s has an error of %s, %s of %s.", "%s 的误差为 %s，%s 的为 %s。"},
    {"The error of %s is %s, that of %s is %s.", "%s 的误差为%s，%s 的误差为%s。"},
    {" Of the median token these are %s and %s.", "中位词元的误差分别为 %s 与 %s。"},
    {" The largest change that a stage alone makes is that of %s: %s.",
     "单个阶段造成的最大变化来自 %s：%s。"},
    {" Alone, no bit of the end is changed by %s.", "单独互换以下阶段，末端逐位不变：%s。"},
    {" The stages alone multiply to %s; between the two modes it is %s: the other factor of %s is "
     "what they do only together.",
     "各阶段单独互换的倍数之积为 %s，而两种模式之间为 %s 倍：其余的 %s 倍只在它们共同作用时出现。"},
    {"> **Warning.** Prompts in which a figure is not finite are left out of %s; of the first: %s "
     "(column `left_out` of `tables/swap.csv`).\n\n",
     "> **警告**：%s 中剔除了数值并非有限值的提示；其中第一行的为：%s（见 `tables/swap.csv` 的 "
     "`left_out` 列）。\n\n"},
    {"stage swapped", "互换的阶段"},
    {"%s- %s alone is refused: %s.\n", "%s- 单独互换 %s 被拒绝：%s。\n"},
    {"#### From %s, a stage at a time set as in %s\n\n",
     "#### 从 %s 出发，每次一个阶段改为 %s 的设置\n\n"},
    {"stage, or two together", "阶段，或两个阶段共同"},
    {"contexts", "情境"},
    {"the median token's", "中位词元的倍数"},
    {"%d of %d", "%2$d 种中的 %1$d 种"},
    {"#### Over all combinations, from %s to %s\n\n", "#### 全部组合，从 %s 到 %s\n\n"},
    {"A stage's effect is the mean over the settings of the other stages (*contexts*); an "
     "interaction, a x b, is what the two do together beyond what each does without the other: of "
     "error and KL a factor each.",
     "一个阶段的效应是对其余阶段各种设置（*情境*）取的均值；交互 a x b "
     "指两者共同作用时，超出各自在没有对方时作用的部分：对误差与 KL 而言均为倍数。"},
    {" In the mean %s changes the error most: %s.", "平均而言，%s 对误差的改变最大：%s。"},
    {" The largest interaction is %s: %s.", "最大的交互是 %s：%s。"},
    {" It is larger than the effect of any stage by itself.", "它大于任何单个阶段自身的效应。"},
    {"stages set as in the other", "改为另一模式设置的阶段"},
    {"%d of %d combinations that ran are shown, %d is refused; all are in `tables/swap.csv`.\n\n",
     "已运行的 %2$d 种组合中列出 %1$d 种，另有 %3$d 种被拒绝；全部见 `tables/swap.csv`。\n\n"},
    {"%d of %d combinations that ran are shown, %d are refused; all are in `tables/swap.csv`.\n\n",
     "已运行的 %2$d 种组合中列出 %1$d 种，另有 %3$d 种被拒绝；全部见 `tables/swap.csv`。\n\n"},
    {"Each row is a mode that ran: one of the pair with some stages set as in the other. *Moved* "
     "is the relative L2 of its last `block_out` against the mode that it starts from, *error* "
     "that against the float64 reference; KL is the mean of KL(fp64 ‖ mode) and bits are those of "
     "the token that comes, both a token and to base 2. Errors and KL are geometric means over "
     "prompts, bits means, *moved* is of all prompts as one; *factor* and *change* are beside the "
     "mode that the row starts from, prompt by prompt.%s\n\n",
     "每一行都是一个实际运行过的模式：模式对中的一个，其部分阶段改为另一个的设置。*偏移*是其末层 "
     "`block_out` 相对出发模式的 L2 误差，*误差*是相对 float64 参考的 L2 误差；KL 为 KL(fp64 ‖ "
     "模式) 的均值，比特数为下一个词元的比特数，两者均按词元计、以 2 为底。误差与 KL "
     "为各提示的几何平均，比特数为均值，*偏移*把所有提示合为一体计算；*倍数*与*变化*"
     "均逐提示相对于该行的出发模式。%s\n\n"},
    {" In brackets stands the 95 %% interval (Student's t) over prompts of %s; bold is what it "
     "leaves no change out of, † what is not told any more where all rows of the pair are asked at "
     "once (Holm).",
     "方括号内为 %s 的提示间的 95 %% 区间（Student t 分布）；粗体表示区间排除了毫无变化的情形，† "
     "表示同时考察该模式对的所有行时（Holm）不再成立。"},
    {"### %s and %s\n\n", "### %s 与 %s\n\n"},

    /* --- tasks.c ------------------------------------------------------------------------------ */
    {"right (acc)", "答对（acc）"},
    {"right by code point (acc_norm)", "按码位计答对（acc_norm）"},
    {"perplexity of the target", "目标的困惑度"},
    {"left out", "未计入"},
    {"cut", "截断"},
    {"the same samples", "同样的样本"},
    {"cannot tell: about %.0f samples would", "无法判定：约需 %.0f 个样本"},
    {"yes, more", "是，更多"},
    {"no, fewer", "否，更少"},
    {"first", "前者"},
    {"second", "后者"},
    {"metric", "指标"},
    {"second right more often?", "后者答对更多吗？"},
    {"only the first right", "仅前者答对"},
    {"only the second right", "仅后者答对"},
    {"difference", "差值"},
    {"p (McNemar)", "p（McNemar）"},
    {"Right answers as lm-evaluation-harness counts them: by summed log-probability (acc), or by "
     "log-probability a code point of the choice (acc_norm); a target is right where each of its "
     "tokens is the likeliest. In brackets Wilson's 95 % interval over samples. Two modes are "
     "compared sample by sample: only samples that one of them alone answers right tell them apart "
     "(McNemar, exact); † marks an answer that does not hold where all pairs are asked at once "
     "(Holm).\n\n",
     "答对的计法与 lm-evaluation-harness "
     "相同：按对数概率之和（acc），或按选项每个码位的对数概率（acc_"
     "norm）；若目标的每个词元都是最可能的，则目标算答对。括号内是对样本的 Wilson 95 % "
     "区间。两种模式逐样本比较：只有仅被其中一种答对的样本才能区分二者（精确 McNemar 检验）；† "
     "表示若同时考察所有模式对（Holm）则不成立的结论。\n\n"},
    {"**%s** (%s; papers give %s):\n\n", "**%s**（%s；论文给出 %s）：\n\n"},
    {"%ld sample", "%ld 个样本"},

    /* --- three_way.c -------------------------------------------------------------------------- */
    {"In the last layer %s is off %s by %s and %s by %s", "在末层，%s 偏离 %s %s，%s 偏离 %s"},
    {"; their ratio has no number.\n\n", "；两者之比没有数值。\n\n"},
    {", ×%s (of this prompt alone).\n\n", "，×%s（仅就此提示而言）。\n\n"},
    {": ×%s (%s … %s), so the second is further off.\n\n",
     "：×%s（%s … %s），因此后者偏离更远。\n\n"},
    {": ×%s (%s … %s), so the second is nearer.\n\n", "：×%s（%s … %s），因此后者更近。\n\n"},
    {": ×%s (%s … %s), so neither can be told to be nearer.\n\n",
     "：×%s（%s … %s），因此无法断定哪一个更近。\n\n"},
    {"error of %s", "%s 的误差"},
    {"ratio of deviations", "标准差之比"},
    {"overlap", "重叠"},
    {"worst ratio", "最差之比"},
    {"worst ratio of max abs", "最大绝对误差的最差之比"},
    {"Two that differ may both be as near to the truth as their precision allows. Errors are "
     "relative L2 against the third, prompts pooled; the ratio is that of the second to the first, "
     "geometric mean over prompts, with 95 % over prompts in brackets; deviations are those of all "
     "single errors, and the overlap is the Bhattacharyya coefficient of the two sets of errors, "
     "as normal ones: 1 where they are alike. Every tensor is in `tables/three_way.csv`.\n\n",
     "两个不同的结果可能都已接近其精度所允许的真值。误差为相对第三方的相对 "
     "L2，合并各提示；比值为后者比前者，取各提示的几何平均，方括号内为各提示间的 95 "
     "%；标准差针对所有单个误差；重叠是把两组误差当作正态分布时的 Bhattacharyya 系数，相同时为 "
     "1。所有张量见 `tables/three_way.csv`。\n\n"},
    {"### %s and %s against %s\n\n", "### 以 %3$s 为准的 %1$s 与 %2$s\n\n"},

    /* --- undone.c ----------------------------------------------------------------------------- */
    {"of %s and %s the weights of %s are said to be rewritten, and yet %s differs by %s rotated "
     "back, and by %s as it stands: `rewrite` of the spec or of a source is wrong",
     "%s 与 %s 之中，%s 的权重被声明为改写过的，然而 %s 转回之后相差 %s，原样则相差 "
     "%s：规格或某个来源的 `rewrite` 写错了"},
    {"%s and %s are said to have weights rewritten alike, and yet %s differs by %s as it stands, "
     "and by %s with that of %s rotated back: `rewrite` of the spec or of a source is wrong",
     "%1$s 与 %2$s 的权重被声明为同样改写，然而 %3$s 原样相差 %4$s，把 %6$s 的转回之后相差 "
     "%5$s：规格或某个来源的 `rewrite` 写错了"},
    {"> **Not the same basis.** Of prompt %s, %s.\n\n",
     "> **不在同一个基下。** 提示 %s 中，%s。\n\n"},
    {"NOT THE SAME BASIS: %s\n", "不在同一个基下：%s\n"},
    {" to %s of its size", "（误差不超过其大小的 %s）"},
    {" in every bit", "（逐位相同）"},
    {"- %s: the weights of %s are rewritten, and their stream is rotated. Rotated back in float64: "
     "%s. Rotated again, each is what it was%s; %s then differs by %s, and by %s as it stands.\n",
     "- %s：%s 的权重是改写过的，其残差流被旋转。以 float64 "
     "转回的有：%s。再旋转一次，每个张量都回到原来的值%s；%s 转回后相差 %s，原样相差 %s。\n"},
    {"the gain of the norm stands in the weights behind it", "归一化的增益已并入其后的权重"},
    {"nobody says what a rewrite makes of it", "没有说明改写会怎样改变它"},
    {"there is no Hadamard matrix of its size", "没有这一大小的 Hadamard 矩阵"},
    {"what was said of the weights is contradicted by it", "它与关于权重的声明相矛盾"},
    {"rotated back it is no nearer to the other side than as it stands: another rotation, or "
     "another input",
     "转回之后并不比原样更接近另一方：旋转不同，或输入不同"},
    {"- %s: not comparable, %s: %s.\n", "- %s：不可比较，%s：%s。\n"},

    /* --- values.c ----------------------------------------------------------------------------- */
    {"**Input** ", "**输入** "},
    {"**Inside** ", "**层内** "},
    {"**Output** ", "**输出** "},
    {"equal", "相等"},
    {"relative", "相对差"},
    {"First values", "首批数值"},
    {", stored as %s", "，以 %s 存储"},
    {", stored as %s and %s", "，分别以 %s 和 %s 存储"},
    {": identical in every bit, and no value is finite.\n\n", "：逐位相同，且没有任何有限值。\n\n"},
    {": identical in every bit%s (mean %s, std %s, min %s, max %s).\n\n",
     "：逐位相同%s（均值 %s，标准差 %s，最小值 %s，最大值 %s）。\n\n"},
    {": %s of the values differ; relative L2 %s.\n\n", "：%s 的值不同；相对 L2 误差 %s。\n\n"},
    {"mean", "均值"},
    {"std", "标准差"},
    {"min", "最小值"},
    {"max", "最大值"},
    {"#### Layer %d\n\n", "#### 第 %d 层\n\n"},
    {"The results file holds no statistics of pairs.\n\n", "结果文件中没有模式对的统计量。\n\n"},
    {"Prompt %s%s. All statistics are of dequantised values, in double; *difference* is the second "
     "less the first, *relative* its size over that of the first. Below the statistics stand the "
     "first values, [token, channel].%s\n\n",
     "提示 "
     "%s%s。所有统计量都由反量化后的值以双精度计算；*差值*为第二种模式减去第一种，*相对差*"
     "为其大小与第一种模式之值的大小之比。统计量之下是最前面的若干个值，[词元, 通道]。%s\n\n"},
    {", the first of %d", "（共 %d 个，此为第一个）"},
    {" Every other prompt and tensor is in `tables/pair_stats.csv` and `tables/tensor_stats.csv`.",
     "其余提示与张量见 `tables/pair_stats.csv` 和 `tables/tensor_stats.csv`。"},
    {" Every other tensor is in `tables/pair_stats.csv` and `tables/tensor_stats.csv`.",
     "其余张量见 `tables/pair_stats.csv` 和 `tables/tensor_stats.csv`。"},
    {"The one tensor compared is identical in every bit, so there is no difference to list.\n\n",
     "参与比较的唯一张量逐位相同，因此没有差异可列。\n\n"},
    {"All %s compared are identical in every bit, so there is no difference to list.\n\n",
     "参与比较的 %s全部逐位相同，因此没有差异可列。\n\n"},
    {"Statistics and first values", "统计量与首批数值"},
    {"Embedding", "嵌入"},
    {"Logits", "Logits（输出）"},

    /* --- warnings.c --------------------------------------------------------------------------- */
    {"> **Warning.** The checkpoint holds %s that the model does not use: %s.\n\n",
     "> **警告。** 检查点中有 %s未被模型使用：%s。\n\n"},
    {"> **Warning.** Not a text of its own: %s, the first %s, which has tokens of %s. Intervals "
     "over prompts take each for one of its own, and are too narrow.\n\n",
     "> **警告。** 并非独立文本的有 %s，首先是 %s，它含有 %s "
     "的词元。对各提示的区间把每个提示都当作独立的，因此过窄。\n\n"},
    {"> **Warning.** Without a digest: %s of the results file, first %s. Whether the run wrote "
     "them so cannot be said.\n\n",
     "> **警告。** 结果文件中有 %s没有摘要，第一个是 %s：无法判断其内容是否仍为运行时所写。\n\n"},
    {"%ld object", "%ld 个对象"},
    {"the tables %s", "表 %s"},
    {"the attributes %s", "属性 %s"},
    {"of /tables %s that its run wrote (removed, or written anew)",
     "/tables 中由运行写入的 %s（被删除或重新写入）"},
    {"NOT IN THE FILE, and so not in the report: %s\n", "文件中缺失，因而报告中也没有：%s\n"},
    {"> **Warning.** Not in the file: %s. That nothing is said of it here tells nothing of the "
     "run.\n\n",
     "> **警告。** 文件中缺失：%s。此处未提及它们，并不说明运行本身如何。\n\n"},
    {"> **Not the same question.** %s.\n\n", "> **问的不是同一件事。** %s。\n\n"},

    /* --- witness.c ---------------------------------------------------------------------------- */
    {"**By layer**: %s runs %s.\n\n", "**逐层不同**：%s 的设置为：%s。\n\n"},
    {"stage", "阶段"},
    {"**≠** in %s", "**≠**\u00A0%s"},
    {"**Stages**, as the modes ask for them: %d of %d differs.\n\n",
     "**各阶段的设置**（按模式的要求）：%2$d 项中有 %1$d 项不同。\n\n"},
    {"**Stages**, as the modes ask for them: %d of %d differ.\n\n",
     "**各阶段的设置**（按模式的要求）：%2$d 项中有 %1$d 项不同。\n\n"},
    {"%s in %d of %d", "%s（%d/%d）"},
    {"**≠** in %d of %d", "**≠**\u00A0%d/%d"},
    {"kernel in %s", "%s 的内核"},
    {"kernels", "内核"},
    {"same", "一致"},
    {"The results file holds no tensor statistics, so there is no witness to show.\n\n",
     "结果文件中没有张量统计量，因此没有见证记录可供展示。\n\n"},
    {"**Witness**: the kernels that ran, over %s and %s.\n\n",
     "**见证记录**：实际运行的内核，覆盖 %s和 %s。\n\n"},
    {"on grid, %s", "在网格上，%s"},
    {"saturated, %s", "饱和，%s"},
    {"**Proof of effect**: shares of values on the INT8 grid, and saturated.\n\n",
     "**生效证据**：落在 INT8 网格上的值与饱和值所占的比例。\n\n"},
    {"Bit-identical: %d of %s compared.\n\n", "参与比较的 %2$s中，%1$d 个逐位相同。\n\n"},
    {"The results file holds no pair of modes.\n\n", "结果文件中没有模式对。\n\n"},
    {"For each pair: the setting of every stage, as the modes ask for it; the *witness*, which is "
     "the kernel that really ran for each tensor and the type in which the tensor is stored; and "
     "what that did to the values. **≠** marks what differs. Values are *identical* where every "
     "float32 bit is, after dequantisation. A value is on the grid where quantising it at the "
     "tensor's static scale changes nothing, and saturated at or beyond the grid's end; the shares "
     "are means over layers and prompts.\n\n",
     "对每一对模式，依次列出：模式所要求的各阶段设置；*见证记录*"
     "，即每个张量实际由哪个内核计算、以何种类型存储；以及这对数值的影响。**≠** "
     "标出不同之处（a/b：b 处中的 a 处）。*逐位相同*指反量化之后每个 float32 "
     "比特都相同。若以张量的静态缩放因子量化后某个值不变，则称该值在网格上；若到达或超出网格端点，"
     "则称其饱和。各比例为对所有层和提示的平均。\n\n"},
    {"Stages, witness and proof of effect", "阶段、见证记录与生效证明"},

    /* --- words.c ------------------------------------------------------------------------------ */
    {"%s against the float64 reference", "%s 与 float64 参考对比"},
    {"%s of layer %d", "第 %2$d 层的 %1$s"},
    {"layer %d, %s", "第 %d 层的 %s"},
    {"The results file holds no comparison of these two.", "结果文件中没有这两者的比较。"},
    {"**The difference between %s and %s did NOT take effect:** both sides ran the same kernels "
     "everywhere, and all %s compared are identical in every bit. This comparison says nothing "
     "about the two modes.",
     "**%s 与 %s 之间的差别并未生效**：两侧在所有位置都运行了相同的内核，参与比较的 "
     "%s全部逐位相同。这一比较不能说明这两种模式的任何问题。"},
    {"Both modes took effect (%d of %s compared came from different kernels), and **every tensor "
     "is identical in every bit**.",
     "两种模式均已生效（参与比较的 %2$s中有 %1$d 个来自不同的内核），并且**所有张量逐位相同**。"},
    {"**Fault:** both sides ran the same kernels everywhere, and yet %d of %s compared differ. "
     "Equal kernels on equal inputs give equal bits, so this difference is not one of the modes: "
     "do not use this comparison.",
     "**故障**：两侧在所有位置都运行了相同的内核，但参与比较的 %2$s中仍有 %1$d "
     "个不同。相同的内核作用于相同的输入必得相同的比特，因此这一差异不来自模式：请勿采用这一比较"
     "。"},
    {"Both modes took effect: of %s compared, %d came from different kernels and %d differs in at "
     "least one bit.",
     "两种模式均已生效：参与比较的 %s中，%d 个来自不同的内核，%d 个至少有一个比特不同。"},
    {"Both modes took effect: of %s compared, %d came from different kernels and %d differ in at "
     "least one bit.",
     "两种模式均已生效：参与比较的 %s中，%d 个来自不同的内核，%d 个至少有一个比特不同。"},
    {"**Identical:** the one tensor compared is the same in every bit. If %s and %s should be two "
     "computations, one of them did not take effect.",
     "**相同：** 所比较的唯一张量逐位相同。如果 %s 与 %s 应是两种计算，则其中之一没有生效。"},
    {"**Identical:** all %s compared are the same in every bit. If %s and %s should be two "
     "computations, one of them did not take effect.",
     "**相同：** 所比较的%s全部逐位相同。如果 %s 与 %s 应是两种计算，则其中之一没有生效。"},
    {"Of %s compared, %d differs in at least one bit.", "在所比较的%s中，有 %d 个至少有一位不同。"},
    {"Of %s compared, %d differ in at least one bit.", "在所比较的%s中，有 %d 个至少有一位不同。"},
    {"Of %s compared with the float64 reference, %d equals it in every float32 bit.",
     "与 float64 参考比较的 %s中，%d 个的每个 float32 比特都与之相同。"},
    {"Of %s compared with the float64 reference, %d equal it in every float32 bit.",
     "与 float64 参考比较的 %s中，%d 个的每个 float32 比特都与之相同。"},
    {"**Fault:** by their settings these two modes must agree in every bit, and here they do not. "
     "That is a fault of the program or of the machine, not a finding.",
     "**故障**"
     "：按其设置，这两种模式必须逐位相同，而此处并非如此。这是程序或机器的故障，不是实验发现。"},
    {"The equality is exact for every input, not chance: where one mode keeps int8 values q, the "
     "other keeps the float32 numbers q · s, and whatever takes them requantises at the same scale "
     "s, which returns q itself.",
     "这种相同对任何输入都严格成立，并非偶然：一种模式保存 int8 值 q，另一种保存 float32 数 q · "
     "s，而接收它们的运算以同一缩放因子 s 重量化，得到的正是 q。"},
    {"requantising values that lie on the grid returns them",
     "对落在网格上的值重新量化，得到的仍是原值"},
    {"The equality is exact for every input, not chance: the scan dequantises an int8 input before "
     "any arithmetic, so int8 values q at scale s and the float32 numbers q · s enter the same "
     "operations as the same numbers.",
     "这种相同对任何输入都严格成立，并非偶然：选择性扫描在任何运算之前先将 int8 "
     "输入反量化，因此缩放因子为 s 的 int8 值 q 与 float32 数 q · s 以相同的数值进入相同的运算。"},
    {"the scan dequantises before any arithmetic", "扫描在任何运算之前先反量化"},
    {"Each mode rounds the output of the convolution once onto the same grid, one with halves away "
     "from zero and the other with halves to even: beyond the rounding the two can differ only "
     "where a value lies exactly half-way between two steps.",
     "两种模式都将卷积输出舍入到同一网格一次，一种在恰为一半时远离零舍入，另一种在恰为一半时向偶数"
     "舍入：除舍入方式外，只有当某个值恰好位于两级正中时，两者才可能不同。"},
    {"beyond the requantisation only exact rounding ties could differ",
     "除重新量化外，只有恰好居中的舍入才可能不同"},
    {"No tensor differs in any bit.", "没有任何张量存在任何比特的差异。"},
    {"The first tensor that differs, in the order of the dump, is %s (prompt %s); its relative L2 "
     "is %s.",
     "按转储中的顺序，第一个不同的张量是%s（提示 %s）；其相对 L2 误差为%s。"},
    {"The first tensor that differs is %s (prompt %s), by a relative L2 of %s.",
     "最先出现差异的张量是%s（提示 %s），相对 L2 误差为 %s。"},
    {"The first tensor that differs is %s (prompt %s); its relative L2 is %s.",
     "最先出现差异的张量是%s（提示 %s）；其相对 L2 误差为 %s。"},
    {"%lld of %lld positions", "%2$lld 个位置中的 %1$lld 个"},
    {"the one position", "唯一的那个位置"},
    {"0 of 1 position", "1 个位置中的 0 个"},
    {"%lld of %lld", "%2$lld 中的 %1$lld"},
    {"; at no position are the logits of both finite, so next tokens are not compared",
     "；没有任何位置上两者的 logits 均为有限值，因此不比较下一个词元"},
    {"; both choose the same next token at %s", "；两侧所选的下一个词元一致：%s"},
    {"; both choose the same next token at %s of the %lld positions where the logits of both are "
     "finite (of %lld)",
     "；共 %3$lld 个位置，其中 %2$lld 个位置上两者的 logits 均为有限值，在这些位置的 %1$s "
     "上两者选出的下一个词元相同"},
    {"; both choose the same next token at %s of the positions",
     "；在 %s 的位置上，两者选出的下一个词元相同"},
    {"the logits are identical%s", "logits 逐位相同%s"},
    {"the relative L2 of the logits is %s", "logits 的相对 L2 误差为 %s"},
    {"%s (mean of the prompts %s, %s … %s)", "%s（各提示的平均 %s，%s … %s）"},
    {"The difference does not reach the end: the last `block_out` and the logits are identical.",
     "差异没有到达末端：最后一层的 `block_out` 与 logits 逐位相同。"},
    {"`block_out` of the last layer (%d) is identical%s",
     "最后一层（第 %d 层）的 `block_out` 逐位相同%s"},
    {"At `block_out` of the last layer (%d) the relative L2 is %s",
     "最后一层（第 %d 层）`block_out` 的相对 L2 误差为 %s"},
    {"%s.", "%s。"},
    {"at the logits it is %s", "在 logits 处为 %s"},
    {"%s, and %s%s.", "%s，%s%s。"},

    /* --- experiment/experiment.c -------------------------------------------------------------- */
    {"%s and the float64 reference", "%s与 float64 参考"},
    {"%ld mode", "%ld 种模式"},
    {"%ld source", "%ld 个来源"},
    {"shard %d/%d", "第 %d 份，共 %d 份"},
    {"%d ranks on %s, this one with %s; each needs its memory",
     "%d 个进程，分布在 %s上，本进程 %s；所需内存为每个进程各自的"},
    {"%ld host", "%ld 台主机"},
    {"%ld thread", "%ld 个线程"},
    {"%s, %s, %s; writes about %.0f MB to %s, needs about %.0f MB of memory",
     "%s，%s，%s；约写入 %.0f MB 到 %s，约需内存 %.0f MB"},
    {"not a text of its own: %s, the first %s, which has tokens of %s; intervals over prompts are "
     "too narrow",
     "并非独立文本的有 %s，首先是 %s，它含有 %s 的词元；对各提示的区间过窄"},
    {"of %.2f GB that it may have: not all layers stay in them, so each is made ready for a batch "
     "of prompts and let go",
     "可用内存为 %.2f GB：并非所有层都能留在其中，因此每一层为一批提示准备好，用完即释放"},
    {"the modes run on the CPU: mode '%s' sets %s %s, which only its operators have",
     "各模式在 CPU 上运行：模式 '%s' 设定 %s %s，只有 CPU 的算子支持"},
    {"modes and reference run on %s", "各模式与参考在 %s 上运行"},
    {"finish", "收尾"},

    /* --- experiment/layers.c ------------------------------------------------------------------ */
    {"run", "运行"},
    {"%s, %s and the float64 reference", "%s，%s与 float64 参考"},

    /* --- walk/prompt.c ------------------------------------------------------------------------ */
    {"%s: from its byte %lld on the text is not what its tokens decode to: %s changes it",
     "%s：从第 %lld 字节起，词元还原出的文本与原文不同：%s 改动了它"},

    /* --- walk/subject.c ----------------------------------------------------------------------- */
    {"%s: %s, D %d, E %d, N %d", "%s：%s，D %d，E %d，N %d"},
    {"%s: not used, as asked: %s", "%s：按要求未使用：%s"},

    /* --- walk/task_set.c ---------------------------------------------------------------------- */
    {"%s: the tokens decode to another text, as those of %d of %s do: %s changes it",
     "%s：词元还原出的文本与原文不同，%d 个样本如此（共 %s）：%s 改动了它"},

    /* --- study/calibrate_subject.c ------------------------------------------------------------ */
    {"%s of %s of %s", "%s，每个 %s，取自 %s"},
    {"%s: is damaged (its values are not those that were written): calibrated anew",
     "%s：已损坏（其中的数值不是当初写入的）：重新校准"},
    {"%s: is of another model, text, setting or program: calibrated anew",
     "%s：属于另一个模型、文本、设置或程序：重新校准"},
    {"%s: was made without the choices for `mend`: calibrated anew",
     "%s：生成时没有 `mend` 所需的备选刻度：重新校准"},
    {"scales of %s", "缩放因子取自 %s"},

    /* --- study/cost.c ------------------------------------------------------------------------- */
    {"cost", "耗时"},
    {"%s, %s, %s each", "%s，%s，各 %s"},
    {"%ld length", "%ld 种长度"},
    {"%ld time", "%ld 次"},

    /* --- study/evaluate.c --------------------------------------------------------------------- */
    {"evaluate", "评估"},
    {"%s of %s of %s, %s and the float64 reference", "%s，每个 %s，取自 %s，%s与 float64 参考"},

    /* --- study/events.c ----------------------------------------------------------------------- */
    {"%s: %s[%d, %d] of layer %d is not finite, or not made, in %s or %s: not repaired",
     "%1$s：第 %5$d 层的 %2$s[%3$d, %4$d] 在 %6$s 或 %7$s 中不是有限值或并不存在：未作修复"},
    {"events", "事件"},
    {"%s standing out, %s repaired", "突出的有 %s，修复 %s"},
    {"%ld element", "%ld 个元素"},

    /* --- study/grid.c ------------------------------------------------------------------------- */
    {"grid", "网格"},
    {"%s: %d of %s through the model", "%1$s：%3$s中的 %2$d 条"},
    {"%ld way", "%ld 条路径"},
    {"whole prompts: %d of %s through the model", "完整提示：%2$s中的 %1$d 条"},

    /* --- study/mend.c ------------------------------------------------------------------------- */
    {"mend", "改善"},
    {"%s: %s of all scales beside it, one scale of one layer looked for",
     "%s：另有 %s（全部缩放因子），并寻找单层的单个缩放因子"},
    {"%s: %s of one scale of one layer beside it", "%s：另有 %s（单层的单个缩放因子）"},
    {"%ld choice", "%ld 种取法"},

    /* --- study/restore.c ---------------------------------------------------------------------- */
    {"restore", "恢复"},
    {"%s: %d tried beside %d", "%1$s：在已选 %3$d 项之外试了 %2$d 项"},

    /* --- study/restore_chosen.c --------------------------------------------------------------- */
    {"%s to %s: %d restored, run again", "%s 到 %s：恢复 %d 项后重新运行"},

    /* --- study/swap.c ------------------------------------------------------------------------- */
    {"swap", "互换"},
    {"%s and %s: %s between them, and the float64 reference",
     "%s 与 %s：其间 %s，以及 float64 参考"},

    /* --- study/tasks.c ------------------------------------------------------------------------ */
    {"tasks", "任务"},
    {"%s of %s, %s and the float64 reference", "%s，来自 %s，%s及 float64 参考"},
    {"%ld request", "%ld 个请求"},
    {"%ld task", "%ld 项任务"},

    /* --- study/micro/micro.c ------------------------------------------------------------------ */
    {"micro", "单独算子"},
    {"%s alone, %s", "单独运行 %s，%s"},
    {"%ld operator", "%ld 个算子"},

    /* --- command/run.c ------------------------------------------------------------------------ */
    {"shard %d/%d is whole; when all %d are: driftscope merge %s OTHER_FOLDERS",
     "第 %d 份（共 %d 份）已完整；%d 份都完整后：driftscope merge %s 其他文件夹"},
    {"%s: is there already, of this very run", "%s：已经存在，正是这次运行的结果"},
    {"peak memory %.0f MB", "内存峰值 %.0f MB"},

    /* --- command/vectors.c -------------------------------------------------------------------- */
    {"%s: ours %.9g, stored %.9g", "%s：我们的 %.9g，所存的 %.9g"},
    {"equal %.6f (%zu of %zu), largest step %s, first difference %s\n",
     "相等 %1$.6f（%3$zu 个中的 %2$zu 个），最大相差 %4$s 步，第一处不同：%5$s\n"},
    {"relative L2 %.3g; from float64 %.3g, ours %.3g; beyond the bound %lld; %s\n",
     "相对 L2 %.3g；与 float64 相差 %.3g，我们的相差 %.3g；超出误差界的有 %lld 个；%s\n"},
};
const size_t chinese_count = sizeof chinese / sizeof *chinese;
