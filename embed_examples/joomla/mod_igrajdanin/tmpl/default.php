<?php
/**
 * The snippet. The link inside is what visitors without scripts use.
 *
 * @var  string    $link
 * @var  string[]  $attributes
 *
 * @license MIT
 */

defined('_JEXEC') or die;

use Joomla\CMS\Language\Text;

$escape = static function (string $text): string {
    return htmlspecialchars($text, ENT_QUOTES, 'UTF-8');
};
?>
<igrajdanin-widget<?php foreach ($attributes as $name => $value) : ?> <?php echo $name; ?>="<?php echo $escape($value); ?>"<?php endforeach; ?>>
	<a href="<?php echo $escape($link); ?>"><?php echo $escape(Text::_('MOD_IGRAJDANIN_REPORT')); ?></a>
</igrajdanin-widget>
